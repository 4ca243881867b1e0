import { mount } from 'svelte';
import App from './app.svelte';
import './look/tokens.css';
import './look/base.css';
import './look/parts.css';

mount(App, { target: document.getElementById('app')! });

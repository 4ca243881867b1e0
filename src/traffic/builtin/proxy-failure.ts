/** In the state directory: why the last start of the proxy failed, for the controller that started it. */
export const FAILURE_FILE = 'failure.json';

// What the shop looks like.
export const PRODUCTS = [
  { id: 'kettle', name: 'Gooseneck kettle', price: 64, stock: 12, hue: 14, line: 'Pours where you look.' },
  {
    id: 'grinder',
    name: 'Hand grinder',
    price: 89,
    stock: 7,
    hue: 32,
    line: 'Forty turns to a quiet morning.',
  },
  {
    id: 'dripper',
    name: 'Stoneware dripper',
    price: 28,
    stock: 31,
    hue: 190,
    line: 'Keeps the heat, forgives the hand.',
  },
  {
    id: 'scale',
    name: 'Pocket scale',
    price: 45,
    stock: 18,
    hue: 262,
    line: 'A tenth of a gram, no opinions.',
  },
  {
    id: 'beans',
    name: 'Guji natural, 250 g',
    price: 15,
    stock: 54,
    hue: 342,
    line: 'Apricot, jasmine, then honey.',
  },
  { id: 'tea', name: 'Sencha, first flush', price: 19, stock: 23, hue: 128, line: 'Grass after rain.' },
  { id: 'cup', name: 'Double-wall cup', price: 22, stock: 40, hue: 212, line: 'Hot inside, cool outside.' },
  { id: 'tray', name: 'Walnut tray', price: 38, stock: 9, hue: 24, line: 'Carries four without a word.' },
];

const STYLE = `
:root{color-scheme:light dark;--bg:#faf8f5;--fg:#25211d;--soft:#8a8178;--card:#fff;--line:#e9e3db;--act:#a2471f}
@media(prefers-color-scheme:dark){:root{--bg:#191715;--fg:#eee8e0;--soft:#a0968b;--card:#221f1c;--line:#37322d;--act:#e58b5f}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 Georgia,serif}
header,main,footer{max-width:62rem;margin:auto;padding:1.2rem}header{display:flex;gap:1.2rem;align-items:baseline}
header b{font-size:1.5rem;flex:1}a{color:inherit;text-decoration:none}header a:hover,h2 a:hover{text-decoration:underline}
ul{list-style:none;padding:0;display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr))}
li,article{background:var(--card);border:1px solid var(--line);border-radius:.7rem;overflow:hidden}
.pic{display:block;height:8.5rem;background:linear-gradient(135deg,hsl(var(--h) 55% 78%),hsl(var(--h) 45% 52%))}
article .pic{height:17rem}.in{padding:.9rem 1.1rem}h2{font-size:1.05rem;margin:0}p{margin:.2rem 0;color:var(--soft)}
button{font:inherit;color:#fff;background:var(--act);border:0;border-radius:.4rem;padding:.5rem 1.1rem;cursor:pointer}
footer{color:var(--soft);font-size:.85rem}code{border:1px solid var(--line);border-radius:.3rem;padding:.05rem .4rem}`;

const TICKER = `<script>new EventSource('/events').onmessage=e=>{const d=JSON.parse(e.data);
const n=document.querySelector('[data-stock="'+d.product+'"]');if(n)n.textContent=d.left+' left'}</script>`;

export function listPage(release, items) {
  return layout(release, items, 'Shop', `<ul>${PRODUCTS.map(card).join('')}</ul>${TICKER}`);
}

export function productPage(release, items, product) {
  const { id, name, price, line } = product;
  const form = `<form method="post" action="/cart"><button name="product" value="${id}">Add to cart</button></form>`;
  const text = `<h2>${name}</h2><p>${line}</p><p>€ ${price} · ${stock(product)}</p>${form}`;
  return layout(
    release,
    items,
    name,
    `<article>${picture(product)}<div class="in">${text}</div></article>${TICKER}`,
  );
}

export function cartPage(release, items) {
  const text = items === 0 ? 'Nothing in it yet.' : `${items} ${items === 1 ? 'thing' : 'things'} in it.`;
  return layout(release, items, 'Cart', `<h2>Your cart</h2><p>${text}</p>`);
}

export function notFoundPage(release, items) {
  return layout(
    release,
    items,
    'Not found',
    '<h2>There is nothing here</h2><p><a href="/">All products</a></p>',
  );
}

export function sorryPage(release) {
  return layout(release, 0, 'Sorry', '<h2>Something broke on our side</h2><p>Please try again.</p>');
}

function card(product) {
  const { id, name, price } = product;
  const text = `<h2><a href="/product/${id}">${name}</a></h2><p>€ ${price} · ${stock(product)}</p>`;
  return `<li><a href="/product/${id}" aria-hidden="true" tabindex="-1">${picture(product)}</a><div class="in">${text}</div></li>`;
}

function picture({ hue }) {
  return `<span class="pic" style="--h:${hue}"></span>`;
}

function stock({ id, stock: left }) {
  return `<span data-stock="${id}">${left} left</span>`;
}

function layout(release, items, title, body) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · Slow Mornings</title><style>${STYLE}</style>
<header><b><a href="/">Slow Mornings</a></b><a href="/">Products</a><a href="/cart">Cart (${items})</a></header>
<main>${body}</main><footer>Served by release <code>${release.version}</code></footer></html>\n`;
}

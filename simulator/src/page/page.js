// Keeps the page as it is in the simulator: when something happens, the page is fetched again, and of the parts marked
// `data-live` those are exchanged that have changed. Without this script, a reload shows the same.
'use strict';

// A page that only says what is wrong has nothing that changes.
const said = document.getElementById('live'), gone = document.getElementById('gone');
let fetching = false, again = false, took = 0, timer = null, events = null;

/** Makes `old` like `fresh`, and keeps what is alike: focus, selection and pictures stay. What has an id is found by it,
    anything else by its place. */
function exchange(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = fresh.data; return; }
  if (old === document.activeElement && old.matches('input, select, textarea')) return;
  for (const { name } of [...old.attributes]) {
    // Somebody opened it.
    if (name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const known = new Map([...old.children].filter(child => child.id).map(child => [child.id, child]));
  let place = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const own = child.id ? known.get(child.id) : !place?.id && place?.nodeName === child.nodeName ? place : undefined;
    if (own === place && own) place = place.nextSibling;
    else old.insertBefore(own ?? child, place);
    if (own) exchange(own, child);
    else if (old.id === 'list' && child.id) flash(child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function flash(row) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  row.animate([{ background: 'var(--waits-paper)' }, {}], { duration: 1500, easing: 'ease-out' });
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  const began = performance.now();
  // A simulator that has gone says nothing. The events tell when it is back.
  const text = await fetch(location.href).then(response => response.text()).catch(() => '');
  fetching = false;
  took = performance.now() - began;
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  for (const old of document.querySelectorAll('[data-live]')) {
    const part = fresh.getElementById(old.id);
    if (part) exchange(old, part);
  }
  if (again) { again = false; soon(); }
}

/** Many things may happen at once. Whatever the simulator holds, showing it takes no more than a quarter of its time. */
function soon() {
  timer ??= setTimeout(() => { timer = null; refresh(); }, Math.max(150, 3 * took));
}

function listen() {
  events = new EventSource('/simulator/events');
  events.onopen = () => {
    said.textContent = 'Live: the page shows what happens as it happens.';
    said.hidden = false;
    gone.hidden = true;
    refresh();
  };
  events.onerror = () => { said.hidden = true; gone.hidden = false; };
  events.addEventListener('request', soon);
  events.addEventListener('change', soon);
}

// A browser has few connections to a server: a page that nobody sees needs none.
document.addEventListener('visibilitychange', () => {
  events?.close();
  if (said && !document.hidden) listen();
});
if (said && !document.hidden) listen();

// What moves by itself, and how long ago things were.
let seconds = 0;
setInterval(() => {
  seconds += 1;
  if (said && !document.hidden && (seconds % 10 === 0 || document.querySelector('[data-moves]'))) soon();
}, 1000);

document.addEventListener('keydown', event => {
  const menu = document.querySelector('.clock[open]');
  if (event.key !== 'Escape' || !menu) return;
  menu.open = false;
  menu.querySelector('summary').focus();
});

// A reload shows the page again, and doesn't send the form again that led here.
history.replaceState(null, '', location.href);

// The clipboard is there for https and for this machine alone.
if (navigator.clipboard) document.documentElement.classList.add('can-copy');
document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText(button.parentElement.querySelector('pre').textContent);
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
});

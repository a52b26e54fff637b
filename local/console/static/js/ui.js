// Small pieces that all views use.
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js'
import { t, known } from './text.js'

// Announce is a live region for screen readers: what is put there is read once, politely.
export const Announce = ({ children, visible }) => html`<p role="status" class=${visible ? 'announce' : 'sr-only'}>${children}</p>`

// Badge: good, bad, wait or plain; the word says it too, colour alone never does.
export const Badge = ({ tone = 'plain', children }) => html`<span class=${'badge ' + tone}>${children}</span>`

const tones = { delivered: 'good', removed: 'good', pending: 'wait', removing: 'wait', refused: 'bad', expired: 'bad', closed: 'good', open: 'bad', 'half-open': 'wait' }

// State is an order's whitelist state in words: after a cancellation it tells of the push that takes the plate away.
export function State({ status, state }) {
  const word = status === 'cancelled' && state === 'delivered' ? 'removed' : status === 'cancelled' && state === 'pending' ? 'removing' : state
  return html`<${Badge} tone=${tones[word]}>${known(word)}<//>`
}

export const toneOf = (word) => tones[word]

// Sheet is a dialog at the side; the browser keeps the focus inside and closes it with Escape.
export function Sheet({ title, onClose, children }) {
  const dialog = useRef(null)
  useEffect(() => {
    const d = dialog.current
    d.showModal()
    return () => d.close()
  }, [])
  return html`<dialog class="sheet" ref=${dialog} aria-labelledby="sheet-title" onClose=${onClose}
      onClick=${(e) => { if (e.target === dialog.current) dialog.current.close() }}>
    <div class="sheet-inside">
      <header><h2 id="sheet-title">${title}</h2><button type="button" class="quiet" onClick=${() => dialog.current.close()}>${t('close')}</button></header>
      ${children}
    </div>
  </dialog>`
}

// Code shows text exactly as it is, with a button that copies it.
export function Code({ title, text, pretty }) {
  const [done, setDone] = useState(false)
  const copy = async () => { try { await navigator.clipboard.writeText(text); setDone(true) } catch { setDone(false) } }
  return html`<section class="code">
    <header><h3>${title}</h3>${text && html`<button type="button" class="quiet" onClick=${copy}>${done ? t('copied') : t('copy')}<span class="sr-only"> ${title}</span></button>`}</header>
    <pre>${text ? (pretty ? indent(text) : text) : t('empty')}</pre>
  </section>`
}

// indent lays JSON out over lines; what is no JSON stays as it is.
export function indent(text) {
  const at = text.indexOf('\n\n')
  const [head, body] = at >= 0 ? [text.slice(0, at + 2), text.slice(at + 2)] : ['', text]
  try { return head + JSON.stringify(JSON.parse(body), null, 2) } catch { return text }
}

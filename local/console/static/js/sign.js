// Sign: what is to be signed for a request, and where a caller's own string to sign, or sign, departs from it.
import { html, useEffect, useState } from '../vendor/preact-htm.js'
import { call, why } from './server.js'
import { current, t } from './text.js'
import { Announce, Badge, Code } from './ui.js'

const blank = { direction: 'inbound', method: 'GET', path: '/lease/order', query: 'park_sn=2017-01-01 12:00:00&page=1', body: '', string_to_sign: '', sign: '' }
const routes = ['/lease/park', '/lease/order', '/api/leasePark', '/api/SynLeaseOrder']
const tones = { signed: 'plain', equal: 'good', string_differs: 'bad', sign_differs: 'bad' }

// What was typed survives a look at another view; secrets are never typed here.
const kept = { question: blank, answer: null }

export function Sign({ query }) {
  const [q, setQuestion] = useState(kept.question)
  const [answer, setAnswer] = useState(kept.answer)
  const [said, setSaid] = useState('')
  const set = (change) => setQuestion((kept.question = { ...kept.question, ...change }))
  const show = (a) => setAnswer((kept.answer = a))
  const ask = async (question) => {
    try {
      const a = await call('POST', 'debug/signature', question)
      show(a.ok ? a.body : null)
      setSaid(a.ok ? '' : t('failed', { why: why(a) }))
    } catch { setSaid(t('disconnected')) }
  }
  // #/sign?event=ID takes a call of the Live view over.
  useEffect(() => {
    if (!query.event) return
    call('GET', 'api/events/' + query.event).then((a) => {
      const taken = a.ok && fromEvent(a.body)
      if (!taken) { setSaid(t('failed', { why: why(a) })); return }
      set(taken)
      ask({ ...blank, ...taken })
    }, () => setSaid(t('disconnected')))
  }, [query.event])
  const mistake = () => { const wrong = { ...blank, ...withMistake() }; set(wrong); ask(wrong) }
  return html`
    <p class="lead">${t('signLead')}</p>
    <div class="columns sign">
      <form class="card form" aria-labelledby="ask-title" onSubmit=${(e) => { e.preventDefault(); ask(q) }}>
        <h2 id="ask-title">${t('yourRequest')}</h2>
        <div class="field"><label for="s-direction">${t('direction')}</label>
          <select id="s-direction" value=${q.direction} onChange=${(e) => set({ direction: e.target.value })}><option value="inbound">${t('inbound')}</option><option value="outbound">${t('outbound')}</option></select></div>
        <div class="two">
          <div class="field"><label for="s-method">${t('method')}</label><select id="s-method" value=${q.method} onChange=${(e) => set({ method: e.target.value })}><option>GET</option><option>POST</option></select></div>
          <${Line} id="path" label=${t('path')} value=${q.path} set=${set} list="routes" />
        </div>
        <datalist id="routes">${routes.map((r) => html`<option key=${r} value=${r} />`)}</datalist>
        <${Text} id="query" label=${t('query')} hint=${t('queryHint')} value=${q.query} set=${set} rows="3" />
        <${Text} id="body" label=${t('body')} value=${q.body} set=${set} rows="4" />
        <${Text} id="string_to_sign" label=${t('yourString')} hint=${t('optional')} value=${q.string_to_sign} set=${set} rows="4" />
        <${Line} id="sign" label=${t('yourSign')} value=${q.sign} set=${set} />
        <div class="buttons"><button type="submit" class="primary">${t('explain')}</button>
          <button type="button" onClick=${mistake}>${t('tryMistake')}</button>
          <button type="button" class="quiet" onClick=${() => { set(blank); show(null) }}>${t('reset')}</button></div>
        <${Announce} visible>${said}<//>
      </form>
      <section class="stack" aria-labelledby="answer-title" aria-live="polite">
        ${!answer ? html`<p class="none">${t('signNone')}</p>` : html`<${Explained} a=${answer} />`}
      </section>
    </div>`
}

function Explained({ a }) {
  const d = a.difference
  return html`<section class="card verdict">
      <h2 id="answer-title">${t('verdict')} <${Badge} tone=${tones[a.verdict] ?? 'plain'}>${t('verdict_' + a.verdict)}<//></h2>
      ${a.problems.map((p) => html`<p key=${p.code} class="bad-text">${p.code}: ${p.reason}</p>`)}
      ${d && html`<div class="difference"><h3>${t('firstDifference')}</h3>
        <p class="note">${t('differenceAt', { offset: d.offset, line: d.line, part: d.part + (d.name ? ' · ' + d.name : '') })}</p>
        <dl><div><dt>${t('ourString')}</dt><dd><code>${d.before}<mark class="good">${d.ours || t('ends')}</mark></code></dd></div>
          <div><dt>${t('yourString')}</dt><dd><code>${d.before}<mark class="bad">${d.yours || t('ends')}</mark></code></dd></div></dl></div>`}
      ${a.causes.length > 0 && html`<div><h3>${t('causes')}</h3><ol class="causes">${a.causes.map((c) => html`<li key=${c.cause}>${c.certain && html`<${Badge} tone="good">${t('certain')}<//> `}${current() === 'zh' ? c.hint_zh : c.hint}</li>`)}</ol></div>`}
    </section>
    <section class="card stack"><${Code} title=${t('stringToSign') + ' · ' + t('bytes', { n: a.bytes })} text=${a.string_to_sign} />
      <${Code} title="sign" text=${a.sign} /><${Code} title="curl" text=${a.curl} /></section>`
}

const Line = ({ id, label, value, set, ...more }) => html`<div class="field"><label for=${'s-' + id}>${label}</label>
  <input id=${'s-' + id} value=${value} spellcheck="false" autocomplete="off" onInput=${(e) => set({ [id]: e.target.value })} ...${more} /></div>`

const Text = ({ id, label, hint, value, set, rows }) => html`<div class="field"><label for=${'s-' + id}>${label}</label>
  <textarea id=${'s-' + id} class="mono" rows=${rows} spellcheck="false" aria-describedby=${hint ? `s-${id}-hint` : undefined} value=${value} onInput=${(e) => set({ [id]: e.target.value })}></textarea>
  ${hint && html`<p class="note" id=${`s-${id}-hint`}>${hint}</p>`}</div>`

// fromEvent is the question of a signed call.
function fromEvent(e) {
  const at = e.request.indexOf('\n\n')
  const [first, body] = at >= 0 ? [e.request.slice(0, at), e.request.slice(at + 2)] : [e.request, '']
  const [method, target] = first.split(' ')
  const [path, query] = target.split('?')
  return query && { direction: path.startsWith('/api/') ? 'outbound' : 'inbound', method, path, query, body, string_to_sign: '', sign: '' }
}

// withMistake is a request that was signed as many do at first: a space as plus.
function withMistake() {
  const stamp = Math.floor(Date.now() / 1000)
  const common = `app_id=tongli-demo&nonce=5f3c0e9a1b7d4c2e&page=1`
  return { query: `park_sn=2017-01-01+12:00:00&page=1&app_id=tongli-demo&nonce=5f3c0e9a1b7d4c2e&timestamp=${stamp}`,
    string_to_sign: `GET\n/lease/order\n${common}&park_sn=2017-01-01+12%3A00%3A00&timestamp=${stamp}\n` }
}

// OrderForm places an order through the API; what the API complains about stands at the field that it names.
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js'
import { call, useData, why } from './server.js'
import { t, tomorrow, yuan } from './text.js'
import { Announce } from './ui.js'

const newID = () => 'app-' + Date.now().toString(36)
const night = (date) => ({ date, start_time: '19:00', end_time: '06:30' })

export function OrderForm({ park, onPlaced }) {
  const [order, setOrder] = useState(() => ({ order_id: newID(), park_sn: park ?? '', car_plate_no: '苏E88888', dates: [night(tomorrow())] }))
  const [errors, setErrors] = useState({})
  const [said, setSaid] = useState('')
  const [busy, setBusy] = useState(false)
  const form = useRef(null)
  const [parks] = useData('api/parks', ['parks'])
  useEffect(() => { if (park) setOrder((o) => ({ ...o, park_sn: park })) }, [park])
  useEffect(() => { form.current.querySelector('[aria-invalid=true]')?.focus() }, [errors])

  const set = (change) => setOrder((o) => ({ ...o, ...change }))
  const setSlot = (i, change) => set({ dates: order.dates.map((s, n) => (n === i ? { ...s, ...change } : s)) })
  const send = async (e) => {
    e.preventDefault()
    if (busy) return
    setBusy(true)
    try {
      const answer = await call('POST', 'api/orders', order)
      setErrors(Object.fromEntries((answer.body?.errors ?? []).map((x) => [x.field, x.reason])))
      if (answer.ok) {
        setSaid(t('placed', { id: order.order_id }))
        set({ order_id: newID() })
        onPlaced()
      } else setSaid(t('notPlaced', { code: answer.body?.code ?? answer.status, msg: why(answer) }))
    } catch { setSaid(t('disconnected')) }
    setBusy(false)
  }
  const field = (name, label, value, onInput, more = {}) => html`<${Field} name=${name} label=${label} value=${value} error=${errors[name]} onInput=${onInput} ...${more} />`
  return html`<form class="card form" ref=${form} onSubmit=${send} novalidate aria-labelledby="form-title">
    <h2 id="form-title">${t('placeOrder')}</h2>
    ${field('park_sn', t('park'), order.park_sn, (v) => set({ park_sn: v }), { list: 'known-parks', autocomplete: 'off' })}
    <datalist id="known-parks">${parks?.parks.filter((p) => !p.withdrawn).slice(0, 500).map((p) => html`<option key=${p.park_sn} value=${p.park_sn}>${p.park_name}</option>`)}</datalist>
    ${field('car_plate_no', t('plate'), order.car_plate_no, (v) => set({ car_plate_no: v }), { autocomplete: 'off' })}
    ${field('order_id', t('orderID'), order.order_id, (v) => set({ order_id: v }), { autocomplete: 'off', spellcheck: false })}
    <fieldset aria-describedby=${errors.dates ? 'dates-error' : undefined}><legend>${t('dates')}</legend>
      ${order.dates.map((s, i) => html`<div class="slot" key=${i} role="group" aria-label=${t('nth', { n: i + 1 })}>
        <${Field} name=${`dates[${i}].date`} label=${t('date')} type="date" value=${s.date} error=${errors[`dates[${i}].date`] ?? errors[`dates[${i}]`]} below onInput=${(v) => setSlot(i, { date: v })} />
        <${Field} name=${`dates[${i}].start_time`} label=${t('from')} value=${s.start_time} error=${errors[`dates[${i}].start_time`]} below onInput=${(v) => setSlot(i, { start_time: v })} placeholder="HH:mm" />
        <${Field} name=${`dates[${i}].end_time`} label=${t('to')} value=${s.end_time} error=${errors[`dates[${i}].end_time`]} below onInput=${(v) => setSlot(i, { end_time: v })} placeholder="HH:mm" />
        ${order.dates.length > 1 && html`<button type="button" class="quiet remove" aria-label=${t('removeSlot', { n: i + 1 })} onClick=${() => set({ dates: order.dates.filter((_, n) => n !== i) })}>×</button>`}
        ${['date', 'start_time', 'end_time'].map((part) => reason(`dates[${i}].${part}`, errors[`dates[${i}].${part}`] ?? (part === 'date' && errors[`dates[${i}]`])))}
        <${Quote} park=${order.park_sn} slot=${s} />
      </div>`)}
      ${errors.dates && html`<p class="error" id="dates-error">${errors.dates}</p>`}
      <button type="button" class="quiet" onClick=${() => set({ dates: [...order.dates, night(nextDay(order.dates.at(-1).date))] })}>${t('addSlot')}</button>
    </fieldset>
    <button type="submit" class="primary">${t('place')}</button>
    <${Announce} visible>${said}<//>
  </form>`
}

function nextDay(date) {
  const at = Date.parse(date + 'T00:00:00Z')
  return Number.isNaN(at) ? tomorrow() : new Date(at + 86400e3).toISOString().slice(0, 10)
}

const idOf = (name) => 'f-' + name.replace(/\W+/g, '-')

const reason = (name, text) => text && html`<p class="error" id=${idOf(name) + '-error'} key=${name}>${text}</p>`

// Field is an input with its label, and the API's reason where it was refused; below: the reason stands under the whole slot.
function Field({ name, label, value, error, below, onInput, type = 'text', ...more }) {
  const id = idOf(name)
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} name=${name} type=${type} value=${value} aria-invalid=${error ? 'true' : undefined} aria-describedby=${error ? id + '-error' : undefined}
      onInput=${(e) => onInput(e.target.value)} ...${more} />
    ${!below && reason(name, error)}
  </div>`
}

// Quote asks the API what the slot costs, as the app would before it offers it.
function Quote({ park, slot }) {
  const [quote, setQuote] = useState(null)
  useEffect(() => setQuote(null), [park, slot.date, slot.start_time, slot.end_time])
  const ask = async () => {
    try {
      const answer = await call('GET', 'api/quote?' + new URLSearchParams({ park_sn: park, ...slot }))
      setQuote(answer.ok ? answer.body.data : { error: why(answer) })
    } catch { setQuote({ error: t('disconnected') }) }
  }
  return html`<div class="quote"><button type="button" class="quiet" onClick=${ask}>${t('cost')}</button>
    <span role="status">${quote && (quote.error ?? html`<strong>${yuan(quote.total)}</strong> ${quote.steps.map((s) => `${s.date.slice(5)} ${s.from}–${s.to} ${yuan(s.amount)}${s.free_day ? ' (' + t('freeDay') + ')' : ''}`).join(' + ')}`)}</span></div>`
}

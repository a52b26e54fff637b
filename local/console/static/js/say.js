// An event in words.
import { t, known } from './text.js'
import { live } from './server.js'

export const lanes = ['app', 'gateway', 'queue', 'tongli']

const interfaces = { '/api/SynLeaseOrder': 'push' }

// titleOf is what stands on the line.
export function titleOf(e) {
  switch (e.kind) {
    case 'message': return e.note ? t('messageAgain', { note: e.note }) : t('messageQueued')
    case 'state': return t('stateIs', { id: e.order_id, state: stateWord(e) }) + (e.note ? ' · ' + e.note : '')
    case 'breaker': return t('breakerIs', { state: breakerWord(e.state) })
    case 'fault': return e.ok ? t('faultGone') : t('faultIs', { kind: e.title })
    case 'parks': return t(e.park_sn ? 'parkChanged' : 'parksChanged', { title: e.title })
    case 'batch': return t('takes', { title: e.title })
    case 'run': return t(e.title === 'park-poller' ? 'pollRan' : 'sweepRan')
    case 'call': {
      const push = interfaces[e.title.split(' ')[1]]
      if (!push) return e.title
      return e.title + ' · ' + t(again(e) ? 'pushRetry' : 'push')
    }
  }
  return e.title
}

export const breakerWord = (state) => t(state === 'open' ? 'openBreaker' : state)

export function stateWord(e) {
  if (e.title === 'cancelled') return known(e.state === 'delivered' ? 'removed' : e.state === 'pending' ? 'removing' : e.state)
  return known(e.state)
}

// again: the same plate's last push before this one failed.
function again(e) {
  for (let i = live.events.length - 1; i >= 0; i--) {
    const o = live.events[i]
    if (o.time < e.time && o.id !== e.id && o.kind === 'call' && o.to === 'tongli' && o.park_sn === e.park_sn && o.car_plate_no === e.car_plate_no) return !o.ok
  }
  return false
}

// resultOf is what came back: status and code, or that nothing did.
export function resultOf(e) {
  if (e.kind !== 'call') return ''
  if (!e.status) return t('noAnswer')
  return e.status + (e.code ? ' / ' + e.code : '')
}

export function tookOf(e) {
  if (e.kind === 'message') return t('waited', { n: Math.round(e.ms) })
  if (['call', 'batch', 'run'].includes(e.kind)) return t('ms', { n: e.ms < 10 ? e.ms.toFixed(1) : Math.round(e.ms) })
  return ''
}

export const whoOf = (e) => [e.car_plate_no, e.park_sn].filter(Boolean).join(' · ')

export const fromTo = (e) => (e.from === e.to || !e.to ? t(e.from || 'gateway') : t('fromTo', { from: t(e.from), to: t(e.to) }))

// about: the event tells of this text: a park, plate or order.
export function about(e, text) {
  const needle = text.trim().toLowerCase()
  return !needle || [e.title, e.park_sn, e.car_plate_no, e.order_id, e.note, String(e.status ?? ''), String(e.code ?? '')].some((s) => s?.toLowerCase().includes(needle))
}

// ofOrder: the events of an order's line: its own calls and states, and its plate's messages and pushes.
export const ofOrder = (e, o) => e.order_id === o.order_id || (!e.order_id && e.park_sn === o.park_sn && e.car_plate_no === o.car_plate_no && e.kind === 'call' && e.to === 'tongli')

// What the console's server says: its stream of events, and its JSON answers.
import { useEffect, useRef, useState } from '../vendor/preact-htm.js'

const eventsKept = 1500
const listeners = new Set()

// live is what has come over the stream, oldest first by the time at which it happened.
export const live = { events: [], connected: false, caughtUp: false }

const tell = (event) => listeners.forEach((l) => l(event))

let source = null
let last = 0 // the greatest id that has come

// connect listens while the page is visible: a browser allows only six connections to a host, and hidden tabs would hold them.
export function connect() {
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) listen()
    else { source?.close(); source = null }
  })
  if (!document.hidden) listen()
}

function listen() {
  source?.close()
  live.caughtUp = false
  source = new EventSource('events' + (last ? '?after=' + last : ''))
  source.onopen = () => { live.connected = true; tell(null) }
  source.onerror = () => { live.connected = live.caughtUp = false; tell(null) }
  source.addEventListener('caught-up', () => { live.caughtUp = true; tell(null) })
  source.onmessage = (message) => keep(JSON.parse(message.data))
}

// keep puts an event in its place by the time at which it happened.
function keep(event) {
  if (event.id <= last && live.events.some((e) => e.id === event.id)) return
  last = Math.max(last, event.id)
  event.fresh = live.caughtUp
  event.time = Date.parse(event.at)
  let i = live.events.length
  while (i > 0 && live.events[i - 1].time > event.time) i--
  live.events.splice(i, 0, event)
  if (live.events.length > eventsKept) live.events.shift()
  tell(event)
}

// useEvents draws its component anew, at most once a frame, when something has happened.
export function useEvents(onEvent) {
  const [, draw] = useState(0)
  const latest = useRef(onEvent)
  latest.current = onEvent
  useEffect(() => {
    let frame = 0
    const listener = (event) => {
      if (event && latest.current) latest.current(event)
      frame ||= requestAnimationFrame(() => { frame = 0; draw((n) => n + 1) })
    }
    listeners.add(listener)
    return () => { listeners.delete(listener); cancelAnimationFrame(frame) }
  }, [])
  return live
}

// call answers {status, body}; it throws only where the server cannot be reached.
export async function call(method, path, body) {
  const response = await fetch(path, { method, headers: body ? { 'Content-Type': 'application/json' } : {}, body: body && JSON.stringify(body) })
  const text = await response.text()
  let parsed = null
  try { parsed = JSON.parse(text) } catch { /* an answer that is no JSON is shown as it is */ }
  return { ok: response.ok, status: response.status, body: parsed, text }
}

// why says in one line what an answer complains about.
export const why = (answer) => answer.body?.error ?? answer.body?.msg ?? answer.text ?? answer.status

// useData keeps an answer fresh: asked for at first, and again shortly after events of the given kinds.
export function useData(path, kinds) {
  const [data, setData] = useState(null)
  const asked = useRef(0)
  const timer = useRef(0)
  const load = async () => {
    const mine = ++asked.current
    try {
      const answer = await call('GET', path)
      if (mine === asked.current && answer.ok) setData(answer.body)
    } catch { /* the header tells that the stack is away; the next event asks again */ }
  }
  useEffect(() => { load(); return () => { asked.current++; clearTimeout(timer.current); timer.current = 0 } }, [path])
  useEffect(() => {
    const listener = (event) => {
      const back = event === null && live.connected && live.caughtUp
      if (!back && !(event && event.fresh && kinds.includes(event.kind))) return
      timer.current ||= setTimeout(() => { timer.current = 0; load() }, 120)
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, [path])
  return [data, load]
}

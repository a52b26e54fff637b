// The frame: header, navigation, and the view that the address names.
import { html, render, useEffect, useRef, useState } from '../vendor/preact-htm.js'
import { apply, choose, current, t } from './text.js'
import { connect, useEvents } from './server.js'
import { Live } from './live.js'
import { Orders } from './orders.js'
import { Parks } from './parks.js'
import { Sign } from './sign.js'
import { Tongli } from './tongli.js'

const views = { live: Live, parks: Parks, orders: Orders, tongli: Tongli, sign: Sign }

// The address is #/view?name=value.
function here() {
  const [view, query] = location.hash.replace(/^#\/?/, '').split('?')
  return { view: views[view] ? view : 'live', query: Object.fromEntries(new URLSearchParams(query)) }
}

function Frame() {
  const [place, setPlace] = useState(here)
  const [language, setLanguage] = useState(current)
  const main = useRef(null)
  const { connected } = useEvents()
  useEffect(() => {
    const moved = () => { setPlace(here()); main.current.focus(); scrollTo(0, 0) }
    addEventListener('hashchange', moved)
    return () => removeEventListener('hashchange', moved)
  }, [])
  const swap = () => { const next = language === 'zh' ? 'en' : 'zh'; choose(next); setLanguage(next) }
  const View = views[place.view]
  return html`
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); main.current.focus() }}>${t('skip')}</a>
    <header class="top">
      <div class="brand"><img src="icon.svg" alt="" width="28" height="28" /><p><strong>${t('title')}</strong> <span>${t('subtitle')}</span></p></div>
      <nav aria-label=${t('views')}><ul>${Object.keys(views).map((v) => html`
        <li key=${v}><a href=${'#/' + v} aria-current=${v === place.view ? 'page' : undefined}>${t(v)}</a></li>`)}</ul></nav>
      <div class="ends">
        <p role="status" class=${'connection ' + (connected ? 'up' : 'down')}><span class="dot" aria-hidden="true"></span>${t(connected ? 'connected' : 'disconnected')}</p>
        <button type="button" class="quiet" lang=${language === 'zh' ? 'en' : 'zh-CN'} onClick=${swap} aria-label=${t('languageLabel')}>${t('language')}</button>
      </div>
    </header>
    <main id="main" ref=${main} tabindex="-1" key=${language}>
      <h1>${t(place.view)}</h1>
      <${View} query=${place.query} />
    </main>`
}

apply()
connect()
render(html`<${Frame} />`, document.getElementById('app'))

// The page's language: the browser's, until somebody chooses.
import { words } from './words.js'

const languages = ['en', 'zh']
const remembered = (() => { try { return localStorage.getItem('language') } catch { return null } })()
let language = languages.includes(remembered) ? remembered
  : (navigator.languages ?? [navigator.language]).some((l, i) => i === 0 && /^zh\b/i.test(l)) ? 'zh' : 'en'

export const current = () => language

export function choose(next) {
  language = next
  try { localStorage.setItem('language', next) } catch { /* private mode: for this visit only */ }
  apply()
}

export function apply() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = t('title') + ' · ' + t('subtitle')
}

// t is a text in the current language; {name} is replaced by values.name.
export function t(key, values = {}) {
  const pair = words[key]
  if (!pair) throw new Error('no words for ' + key)
  return pair[languages.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
}

// known is t for words that come from the server: those without a translation stay as they are.
export const known = (key) => (words[key] ? t(key) : key)

const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 })
const short = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit', day: '2-digit' })

// Times are Asia/Shanghai everywhere, as in the contract.
export const timeOf = (at) => clock.format(new Date(at))
export const shortTime = (at) => short.format(new Date(at))
export const dayOf = (at) => day.format(new Date(at))
export const tomorrow = () => dayOf(Date.now() + 86400e3)

// yuan of an integer number of fen.
export const yuan = (fen) => '¥' + (fen / 100).toFixed(2)
export const slotText = (s) => `${s.date} ${s.start_time}–${s.end_time}`

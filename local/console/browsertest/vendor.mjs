// Bundles Preact, its hooks and htm into the one file that the page loads. Run it after changing a version: npm run vendor
export { Fragment, render } from 'preact'
export { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { h } from 'preact'
import htm from 'htm'
export const html = htm.bind(h)

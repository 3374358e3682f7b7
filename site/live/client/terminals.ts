// A terminal for each place that is opened: xterm.js on a pty of the server's.
import { FitAddon } from '../../modules/addon-fit.mjs'
import { Terminal } from '../../modules/xterm.mjs'

interface Pane {
  readonly place: string
  readonly element: HTMLElement
  readonly terminal: Terminal
  readonly fit: FitAddon
  socket: WebSocket
  /** Typed while a shell was being opened; undefined while none is. */
  typed: string[] | undefined
}

/** As many beside each other as can be read. */
const SHOWN = 2
const AGAIN_MS = 1_000

export class Terminals {
  readonly #tabs: HTMLElement
  readonly #panes: HTMLElement
  readonly #colour: (place: string) => string
  readonly #open = new Map<string, Pane>()
  /** Shown, the least recently used first. */
  #shown: string[] = []
  #places: readonly string[] = []

  constructor(tabs: HTMLElement, panes: HTMLElement, colour: (place: string) => string) {
    this.#tabs = tabs
    this.#panes = panes
    this.#colour = colour
    new ResizeObserver(() => this.#fit()).observe(panes)
  }

  /** Places that there are now: those that are gone stay as long as they are open. */
  offer(places: readonly string[]): void {
    if (places.join(' ') === this.#places.join(' ')) return
    this.#places = places
    this.#drawTabs()
  }

  show(place: string, focus = true): Pane {
    const pane = this.#open.get(place) ?? this.#make(place)
    this.#shown = [...this.#shown.filter(one => one !== place), place].slice(-SHOWN)
    for (const one of this.#open.values()) one.element.hidden = !this.#shown.includes(one.place)
    this.#drawTabs()
    this.#fit()
    if (focus) pane.terminal.focus()
    return pane
  }

  /** Types into a shell of the place, as a learner would. */
  type(place: string, text: string): void {
    const pane = this.show(place)
    if (pane.typed !== undefined) pane.typed.push(text)
    else if (pane.socket.readyState === WebSocket.OPEN) pane.socket.send(JSON.stringify({ data: text }))
  }

  #make(place: string): Pane {
    const element = document.createElement('div')
    element.className = `pane ${this.#colour(place)}`
    element.setAttribute('role', 'tabpanel')
    element.setAttribute('aria-label', place)
    this.#panes.append(element)
    const terminal = new Terminal({ fontFamily: '"JetBrains Mono", ui-monospace, monospace', fontSize: 13, theme: { background: '#10141d', foreground: '#d7dce6' }, scrollback: 5_000, screenReaderMode: true })
    const fit = new FitAddon()
    terminal.loadAddon(fit)
    terminal.open(element)
    const pane: Pane = { place, element, terminal, fit, socket: this.#connect(place, terminal), typed: [] }
    terminal.onData(data => {
      if (pane.typed !== undefined) pane.typed.push(data)
      else if (pane.socket.readyState === WebSocket.OPEN) pane.socket.send(JSON.stringify({ data }))
    })
    terminal.onResize(({ cols, rows }) => { if (pane.socket.readyState === WebSocket.OPEN) pane.socket.send(JSON.stringify({ columns: cols, rows })) })
    this.#open.set(place, pane)
    return pane
  }

  #connect(place: string, terminal: Terminal): WebSocket {
    const socket = new WebSocket(`ws://${location.host}/terminal?place=${encodeURIComponent(place)}`)
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ columns: terminal.cols, rows: terminal.rows }))
      const pane = this.#open.get(place)
      for (const data of pane?.typed ?? []) socket.send(JSON.stringify({ data }))
      if (pane !== undefined) pane.typed = undefined
    })
    socket.addEventListener('message', event => terminal.write(String(event.data)))
    socket.addEventListener('close', event => {
      const pane = this.#open.get(place)
      if (pane?.socket !== socket) return
      terminal.write(`\r\n\x1b[2m${event.reason === '' || event.reason === 'ended' ? 'this shell has ended' : event.reason}: Enter opens another\x1b[0m\r\n`)
      const waiting = terminal.onData(data => {
        if (data !== '\r') return
        waiting.dispose()
        pane.typed = []
        setTimeout(() => { pane.socket = this.#connect(place, terminal) }, event.code === 1006 ? AGAIN_MS : 0)
      })
    })
    return socket
  }

  #drawTabs(): void {
    const places = [...new Set([...this.#places, ...this.#open.keys()])]
    this.#tabs.replaceChildren(...places.map(place => {
      const tab = document.createElement('button')
      tab.type = 'button'
      tab.className = this.#colour(place)
      tab.setAttribute('role', 'tab')
      tab.setAttribute('aria-selected', String(this.#shown.includes(place)))
      // As the drawing says it: what a runtime calls a namespace is told apart by its beginning.
      tab.textContent = place.replace(/(cni-[0-9a-f]{8})-[0-9a-f-]{27}$/, '$1…').replace('/', ' / ')
      tab.title = place
      tab.addEventListener('click', () => this.show(place))
      return tab
    }))
  }

  #fit(): void {
    for (const pane of this.#open.values()) if (!pane.element.hidden && pane.element.clientWidth > 0) pane.fit.fit()
  }
}

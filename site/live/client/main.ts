// What moves on the live page: one stream of news in, acts and keystrokes out. All that comes from nodes is set as text.
import type { Grid } from '../../../runner/core/verdict.ts'
import { gridsHtml } from '../../grid.ts'
import type { Act, Hello, News, Said } from '../protocol.ts'
import { after, currentStep, markOf, nothing, type Shown } from '../state.ts'
import { Terminals } from './terminals.ts'

let hello: Hello | undefined
let shown: Shown = nothing
/** The step that is read; it stays while its claims turn true. */
let reading: string | undefined

const one = (selector: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return found
}
const all = (selector: string, within: ParentNode = document): HTMLElement[] => [...within.querySelectorAll<HTMLElement>(selector)]
const colourOf = (place: string): string => hello?.nodes.find(({ name }) => name === place.split('/')[0])?.colour ?? 'n0'
const terminals = new Terminals(one('#tabs'), one('#panes'), colourOf)

listen()
wire()

function listen(): void {
  // It connects again by itself, and is then told everything anew.
  const stream = new EventSource('/events')
  stream.addEventListener('message', ({ data }) => take(JSON.parse(String(data)) as News))
  stream.addEventListener('error', () => tell('The page has lost its server. If it was stopped, `npx lab serve` starts it again.'))
}

function take(news: News): void {
  switch (news.kind) {
    case 'hello': {
      const first = hello === undefined
      hello = news.hello
      shown = news.events.reduce(after, nothing)
      if (first) begin(hello)
      tell(undefined)
      break
    }
    case 'event': {
      shown = after(shown, news.event)
      if (shown.told !== undefined && (news.event.kind === 'broke' || news.event.kind === 'stopped' || (news.event.kind === 'regressed' && !shown.hunting))) tell(shown.told)
      // What had broken holds again, or the nodes are new: nothing is wrong any more.
      if (hello !== undefined && news.event.kind === 'judged' && [...shown.held].every(id => shown.verdicts[id]?.status === 'pass')) tell(undefined)
      if (news.event.kind === 'went') reading = news.event.step
      break
    }
    case 'network': {
      draw(news.svg)
      terminals.offer(news.places)
      break
    }
    case 'said': {
      say(news.said)
      break
    }
    case 'gone': tell(news.because)
  }
  show()
}

function begin(hello: Hello): void {
  const fromLink = location.hash.slice(1)
  reading = hello.steps.some(({ id }) => id === fromLink) ? fromLink : currentStep(hello, shown) ?? hello.steps[0]?.id
  const [node] = hello.nodes
  if (node !== undefined) terminals.show(node.name, false)
}

/** Everything that depends on what has happened. */
function show(): void {
  if (hello === undefined) return
  for (const section of all('section.step')) section.hidden = section.dataset['id'] !== reading
  for (const dot of all('.dots button')) {
    const id = dot.dataset['step'] ?? ''
    dot.className = markOf(hello, shown, id)
    if (id === reading) dot.setAttribute('aria-current', 'step')
    else dot.removeAttribute('aria-current')
  }
  const position = hello.steps.findIndex(({ id }) => id === reading)
  one('#at').textContent = shown.stopped ? 'stopped' : position === -1 ? '' : `step ${position + 1} of ${hello.steps.length}`
  for (const { id } of hello.steps) showClaims(id)
}

const MARKS = { pass: '✓', fail: '✗', unknown: '?', later: '○' } as const

function showClaims(id: string): void {
  const section = all('section.step').find(one => one.dataset['id'] === id)
  const step = shown.verdicts[id]
  if (section === undefined) return
  for (const item of all('.claims li', section)) {
    const judged = step?.verdicts.find(({ claim }) => claim === item.dataset['claim'])
    const status = judged?.verdict.status ?? 'later'
    item.className = status
    const [mark, because] = [item.querySelector('i'), item.querySelector('.because')]
    if (mark !== null) mark.textContent = MARKS[status]
    if (because !== null) because.textContent = judged === undefined || judged.verdict.status === 'pass' || shown.hunting ? '' : judged.verdict.because
    showGrids(item, judged === undefined || judged.verdict.status === 'unknown' || shown.hunting ? [] : judged.verdict.table ?? [], status)
  }
  const onward = section.querySelector<HTMLElement>('.onward')
  if (onward !== null) onward.hidden = step?.status !== 'pass'
}

/** Whoever has opened or closed the tables of a claim has them so while they change. */
function showGrids(item: HTMLElement, grids: readonly Grid[], status: string): void {
  const before = item.querySelector('details')
  if (grids.length === 0) return before?.remove()
  const text = gridsHtml(grids).text
  if (before?.dataset['grids'] === text) return
  const details = document.createElement('details')
  details.dataset['grids'] = text
  details.open = before?.open ?? status === 'fail'
  const summary = document.createElement('summary')
  summary.textContent = 'who reaches whom'
  details.append(summary, ...parsed(`<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>`, 'application/xhtml+xml').childNodes)
  if (before === null) item.querySelector('span')?.append(details)
  else before.replaceWith(details)
}

/** Made by ourselves, with every text in it escaped; as XML it can have no handler that HTML would run. */
function parsed(text: string, type: DOMParserSupportedType): Element {
  return document.importNode(new DOMParser().parseFromString(text, type).documentElement, true)
}

/** Of the drawing's own size. */
const READABLE = 0.62

function draw(svg: string): void {
  const drawn = parsed(svg, 'image/svg+xml')
  const map = one('#map')
  const { scrollLeft, scrollTop } = map
  // As wide as the place for it, but never so small that it cannot be read.
  if (drawn instanceof SVGElement) drawn.style.minWidth = `${READABLE * Number(drawn.getAttribute('width'))}px`
  map.replaceChildren(drawn)
  map.scrollTo(scrollLeft, scrollTop)
}

function say(said: Said | undefined): void {
  const box = one('#said')
  box.hidden = said === undefined || said.text === ''
  box.className = said?.ok === false ? 'no' : ''
  box.textContent = said?.text ?? ''
}

/** What has happened, beside what was asked: neither takes the other's place. */
function tell(text: string | undefined): void {
  const box = one('#news')
  box.hidden = text === undefined
  box.textContent = text ?? ''
}

async function act(what: Act): Promise<void> {
  say({ ok: true, text: '…' })
  try {
    const response = await fetch('/act', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(what) })
    say(response.ok ? await response.json() as Said : { ok: false, text: await response.text() })
  } catch {
    say({ ok: false, text: 'The page has lost its server.' })
  }
}

function wire(): void {
  const buttons: Readonly<Record<string, () => void>> = {
    hint: () => void act({ act: 'hint' }),
    reset: () => ask('Fresh nodes, at the beginning of the lab? What you have built is gone then.', [], () => void act({ act: 'reset' })),
    break: () => ask('One fault, in a lab that is finished, for you to find and mend?', [], () => void act({ act: 'break' })),
    goto: () => ask('Fresh nodes, at the beginning of which step? What you have built is gone then.', [['step', hello?.steps.map(({ id, title }) => [id, title] as const) ?? []]], ({ step = '' }) => void act({ act: 'goto', step })),
    trace: () => ask('Follow a packet from where, to which place or address?', [['from', places()], ['to', []]], ({ from = '', to = '' }) => void act({ act: 'trace', from, to })),
  }
  for (const button of all('[data-act]')) button.addEventListener('click', () => buttons[button.dataset['act'] ?? '']?.())
  for (const button of all('[data-step]')) button.addEventListener('click', () => read(button.dataset['step'] ?? ''))
  for (const button of all('[data-next]')) button.addEventListener('click', () => read(button.dataset['next'] === '' ? 'reading' : button.dataset['next'] ?? ''))
  for (const figure of all('figure.fence')) fence(figure)
  for (const question of all('.ask[data-name]')) answerable(question)
  one('#theme').addEventListener('click', () => {
    const element = document.documentElement
    const dark = element.dataset['theme'] === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : element.dataset['theme'] === 'dark'
    element.dataset['theme'] = dark ? 'light' : 'dark'
    localStorage.setItem('hardway-theme', element.dataset['theme'])
  })
}

function read(step: string): void {
  reading = step
  history.replaceState(undefined, '', `#${step}`)
  show()
  one('main.text').scrollTo(0, 0)
}

/** A command, or one that writes a file, can be typed into its place's terminal; either can be copied. */
function fence(figure: HTMLElement): void {
  const code = figure.querySelector('code')?.textContent ?? ''
  const copy = figure.querySelector<HTMLButtonElement>('.copy')
  copy?.addEventListener('click', () => {
    void navigator.clipboard.writeText(code).then(() => { copy.textContent = 'copied' })
    setTimeout(() => { copy.textContent = 'copy' }, 1_500)
  })
  const place = figure.dataset['place']
  if (place === undefined || copy === null) return
  const type = document.createElement('button')
  type.type = 'button'
  type.className = 'copy type'
  type.textContent = 'type it in'
  const file = figure.dataset['file']
  const text = code.replace(/\n$/, '')
  // Without the last line end: the Enter is the learner's, who has read it then.
  type.addEventListener('click', () => terminals.type(place, file === undefined ? text : `cat > ${file} << 'END'\n${text}\nEND`))
  copy.before(type)
}

function answerable(question: HTMLElement): void {
  const name = question.dataset['name'] ?? ''
  const form = document.createElement('form')
  const input = document.createElement('input')
  const label = document.createElement('label')
  const button = document.createElement('button')
  label.textContent = 'Your answer '
  button.textContent = 'answer'
  input.autocomplete = 'off'
  label.append(input)
  form.append(label, button)
  form.addEventListener('submit', event => {
    event.preventDefault()
    void act({ act: 'answer', name, value: input.value })
  })
  question.append(form)
}

function places(): readonly (readonly [string, string])[] {
  return all('#tabs button').map(tab => [tab.textContent.replace(' / ', '/'), tab.textContent] as const)
}

/** Asks before what cannot be undone, or for what is needed: a list, or a line. */
function ask(question: string, fields: readonly (readonly [name: string, options: readonly (readonly [string, string])[]])[], then: (answers: Readonly<Record<string, string>>) => void): void {
  const dialog = one('#ask')
  if (!(dialog instanceof HTMLDialogElement)) return
  one('#question').textContent = question
  const inputs = fields.map(([name, options]) => {
    const label = document.createElement('label')
    label.textContent = `${name} `
    const input = document.createElement(options.length > 0 ? 'select' : 'input')
    input.name = name
    if (input instanceof HTMLSelectElement) input.append(...options.map(([value, text]) => new Option(text, value)))
    else input.required = true
    label.append(input)
    return label
  })
  one('#fields').replaceChildren(...inputs)
  dialog.returnValue = ''
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'ok') return
    then(Object.fromEntries(all('#fields [name]').map(input => [input.getAttribute('name') ?? '', (input as HTMLInputElement).value])))
  }, { once: true })
  dialog.showModal()
}

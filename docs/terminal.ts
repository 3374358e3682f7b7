// Makes docs/terminal.svg: a learner's two terminals, as tmux shows them while lab 05 really runs. Anyone can make it
// again, with tmux installed: sh runner/cli/launch --node docs/terminal.ts
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const COLUMNS = 100
const WATCHING_ROWS = 36
const SHELL_ROWS = 12
const DEADLINE_MS = 120_000

/** What is typed where, and what has to be seen before the next line is typed. */
const SCRIPT: readonly (readonly ['watching' | 'shell' | 'aside', readonly string[], RegExp])[] = [
  ['watching', ['npx lab start 05', 'Enter'], /q quit/],
  // A step that is done, in a terminal that is not in the picture.
  ['aside', ['npx lab solve forward', 'Enter'], /did what/],
  ['watching', [], /This step holds/],
  ['watching', ['n'], /✗ node1 sends 10\.244\.2\.2/],
  ['shell', ['npx lab shell node1', 'Enter'], /node1 ~ #/],
  // The second is a mistake: node3 is no way to node2's pods.
  ['shell', ['ip route add 10.244.3.0/24 via 192.168.1.13', 'Enter'], /192\.168\.1\.13\n.*#/],
  ['watching', [], /✓ node1 sends 10\.244\.3\.2/],
  ['shell', ['ip route add 10.244.2.0/24 via 192.168.1.13', 'Enter'], /10\.244\.2\.0\/24 via 192\.168\.1\.13\n.*#/],
  ['watching', [], /via 192\.168\.1\.13 \(eth0\)/],
  ['shell', ['ip route get 10.244.2.2', 'Enter'], /uid 0/],
]

const BASH = "exec env PS1='$ ' bash --norc --noprofile"

async function pictures(): Promise<readonly string[]> {
  const home = mkdtempSync(join(tmpdir(), 'lab-picture-'))
  // npm has remarks of its own about the settings of whoever makes the picture.
  const env = { ...process.env, LAB_HOME: home, LAB_COURSE: '', TMUX: '', TERM: 'xterm-256color', npm_config_userconfig: '/dev/null', npm_config_loglevel: 'error' }
  // A tmux of its own: neither its sessions nor its settings are anybody else's.
  const tmux = (...args: readonly string[]): string => execFileSync('tmux', ['-L', `picture-${process.pid}`, '-f', '/dev/null', ...args], { cwd: root, env, encoding: 'utf8' })
  const capture = (pane: string, ...options: readonly string[]): string => tmux('capture-pane', '-p', '-t', pane, ...options)
  const shows = async (pane: string, pattern: RegExp): Promise<void> => {
    const deadline = performance.now() + DEADLINE_MS
    while (!pattern.test(capture(pane))) {
      if (performance.now() > deadline) throw new Error(`${pane} never showed ${pattern}:\n${capture(pane)}`)
      await pause(100)
    }
  }
  try {
    tmux('new-session', '-d', '-s', 'watching', '-x', `${COLUMNS}`, '-y', `${WATCHING_ROWS}`, BASH)
    tmux('new-session', '-d', '-s', 'shell', '-x', `${COLUMNS}`, '-y', `${SHELL_ROWS}`, BASH)
    tmux('new-session', '-d', '-s', 'aside', BASH)
    tmux('set', '-g', 'status', 'off')
    for (const [pane, keys, pattern] of SCRIPT) {
      if (keys.length > 0) tmux('send-keys', '-t', pane, ...keys)
      await shows(pane, pattern)
    }
    return [capture('watching', '-e'), capture('shell', '-e')]
  } finally {
    execFileSync('sh', ['runner/cli/launch', 'stop', '--all'], { cwd: root, env, stdio: 'ignore' })
    tmux('kill-server')
    rmSync(home, { recursive: true, force: true })
  }
}

interface Look {
  readonly fill: string
  readonly bold: boolean
  readonly dim: boolean
  readonly italic: boolean
  readonly underline: boolean
}

interface Run extends Look {
  readonly text: string
  readonly column: number
}

const PLAIN: Look = { fill: 'fg', bold: false, dim: false, italic: false, underline: false }

/** A line of `capture-pane -e`: text, and the sequences that say how it looks. */
export function runsOf(line: string, before: Look): { readonly runs: readonly Run[]; readonly after: Look } {
  const runs: Run[] = []
  let look = before
  let column = 0
  for (const [, codes, text = ''] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (codes !== undefined) look = lookAfter(look, codes.split(';').map(Number))
    else {
      // Spaces are where nothing is written.
      const from = text.length - text.trimStart().length
      if (text.trim() !== '') runs.push({ ...look, text: text.trim(), column: column + from })
      column += widthOf(text)
    }
  }
  return { runs, after: look }
}

/** Every character that is shown takes one column. */
function widthOf(text: string): number {
  return Array.from(text).length
}

function lookAfter(look: Look, codes: readonly number[]): Look {
  let now = look
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0
    if (code === 0) now = PLAIN
    else if (code === 1) now = { ...now, bold: true }
    else if (code === 2) now = { ...now, dim: true }
    else if (code === 3) now = { ...now, italic: true }
    else if (code === 4) now = { ...now, underline: true }
    else if (code === 22) now = { ...now, bold: false, dim: false }
    else if (code === 23) now = { ...now, italic: false }
    else if (code === 24) now = { ...now, underline: false }
    else if (code >= 30 && code <= 37) now = { ...now, fill: `c${code - 30}` }
    else if (code === 39) now = { ...now, fill: 'fg' }
    else if (code >= 90 && code <= 97) now = { ...now, fill: `c${code - 90}` }
    // The colours beyond, and those of the background, are not used by what is shown here.
    else if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4
  }
  return now
}

const WIDTH = 8
const HEIGHT = 18
const SIZE = 13.3
const MARGIN = 16
const BAR = 30

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function rowsOf(screen: string): readonly string[] {
  return screen.replace(/\s+$/, '').split('\n')
}

function terminal(screen: string, title: string, top: number): { readonly svg: string; readonly height: number } {
  const rows = rowsOf(screen)
  const height = BAR + rows.length * HEIGHT + MARGIN
  let look = PLAIN
  const lines = rows.flatMap((row, index) => {
    const { runs, after } = runsOf(row, look)
    look = after
    return runs.map(run => {
      const styles = ['bold', 'dim', 'italic', 'underline'].filter(name => run[name as keyof Look] === true)
      // Whatever font there is, every column stays where it is.
      const length = widthOf(run.text) * WIDTH
      return `<text class="${[run.fill, ...styles].join(' ')}" x="${MARGIN + run.column * WIDTH}" y="${top + BAR + (index + 1) * HEIGHT - 5}" textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(run.text)}</text>`
    })
  })
  const dots = [0, 1, 2].map(dot => `<circle class="dot" cx="${MARGIN + 4 + dot * 16}" cy="${top + 15}" r="5"/>`).join('')
  return {
    height,
    svg: `<rect class="window" x="0.5" y="${top + 0.5}" width="${COLUMNS * WIDTH + 2 * MARGIN - 1}" height="${height - 1}" rx="8"/>${dots}<text class="title" x="${MARGIN + COLUMNS * WIDTH / 2}" y="${top + 19}">${escaped(title)}</text>\n${lines.join('\n')}\n`,
  }
}

/** Colours of each kind of background, in the order of the terminal's own. */
const LIGHT = { bg: '#ffffff', fg: '#1f2328', edge: '#d0d7de', soft: '#59636e', all: ['#24292f', '#b3202a', '#116329', '#7d4e00', '#0550ae', '#8250df', '#0b6672', '#59636e'] }
const DARK = { bg: '#0d1117', fg: '#e6edf3', edge: '#3d444d', soft: '#9198a1', all: ['#7d8590', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#b1bac4'] }

function colours({ bg, fg, edge, soft, all }: typeof LIGHT): string {
  return `.window{fill:${bg};stroke:${edge}}.dot{fill:${edge}}.title,.dim{fill:${soft}}.fg{fill:${fg}}${all.map((colour, index) => `.c${index}{fill:${colour}}`).join('')}.fg.dim{fill:${soft}}`
}

export function svg(screens: readonly (readonly [string, string])[]): string {
  let top = 0
  const parts = screens.map(([title, screen]) => {
    const { svg: part, height } = terminal(screen, title, top)
    top += height + 12
    return part
  })
  const [width, height] = [COLUMNS * WIDTH + 2 * MARGIN, top - 12]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Two terminals: one shows a step of the lesson and which of its claims hold, the other is a shell in a node">
<style>
text{font:${SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;white-space:pre}
.bold{font-weight:bold}.italic{font-style:italic}.underline{text-decoration:underline}.title{text-anchor:middle;font-size:12px}
${colours(LIGHT)}
@media(prefers-color-scheme:dark){${colours(DARK)}}
</style>
${parts.join('')}</svg>
`
}

if (import.meta.main) {
  const [watching = '', shell = ''] = await pictures()
  writeFileSync(new URL('terminal.svg', import.meta.url), svg([['one terminal', watching], ['another', shell]]))
}

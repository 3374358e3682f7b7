// Builds a component with Go. The module in fixtures/kubernetes/source names the version of everything that goes into it, with
// its hash: what a proxy serves instead is refused by Go.
import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Arch, Source } from '../core/components.ts'
import { Unable } from '../core/mistake.ts'
import type { Progress } from '../core/provider.ts'

export interface Building {
  readonly name: string
  readonly source: Source
  /** Where the folders of sources are. */
  readonly sources: string
  readonly arch: Arch
  /** For Go's modules and what it has compiled, unless the environment has a place for them. */
  readonly goFolder: string
  readonly progress: Progress
  readonly signal: AbortSignal
}

const INSTALL_GO = 'install Go: https://go.dev/doc/install, or sudo apt-get install golang-go where that is new enough (`apt-cache policy golang-go`)'
/** The first that reads versions such as 1.26.0, and fetches a newer Go if it may. */
const OLDEST = '1.21'

/** Puts the programs into a folder. */
export async function build(building: Building, into: string): Promise<void> {
  const { name, source, sources, arch, goFolder, progress, signal } = building
  const folder = join(sources, source.folder)
  const env = await environment(folder, goFolder, arch, signal)
  const go = (cwd: string, args: readonly string[]): Promise<string> => run('go', args, { cwd, env, signal, onLine: said(name, progress) })
  progress.say(`building ${name} with Go: what it needs of modules`)
  const own = join(into, 'module')
  const at = source.without === undefined ? folder : own
  if (source.without !== undefined) await ownCopy(go, folder, own, source.without)
  const flags = ['-s', '-w', ...Object.entries(source.set ?? {}).map(([variable, value]) => `-X ${variable}=${value}`)].join(' ')
  for (const [program, path] of Object.entries(source.packages)) {
    progress.say(`building ${program} with Go`)
    await go(at, ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-v', '-ldflags', flags, '-o', join(into, program), path])
  }
  await rm(own, { recursive: true, force: true })
}

/** A module as it was published, but for some imports of its main package. */
async function ownCopy(go: (cwd: string, args: readonly string[]) => Promise<string>, folder: string, own: string, without: readonly string[]): Promise<void> {
  const [, module = ''] = /^require (\S+) /m.exec(await readFile(join(folder, 'go.mod'), 'utf8')) ?? []
  await go(folder, ['mod', 'download', module])
  const { Dir } = JSON.parse(await go(folder, ['list', '-mod=readonly', '-m', '-json', module])) as { Dir: string }
  // The cache of modules is read-only, and so would be a copy with its modes.
  await mkdir(own)
  await cp(Dir, own, { recursive: true, mode: 0 })
  const main = join(own, 'main.go')
  const lines = (await readFile(main, 'utf8')).split('\n').filter(line => !without.some(each => line.includes(`"${each}"`)))
  await rm(main, { force: true })
  await writeFile(main, lines.join('\n'))
}

async function environment(folder: string, goFolder: string, arch: Arch, signal: AbortSignal): Promise<NodeJS.ProcessEnv> {
  const needed = /^go (\S+)$/m.exec(readFileSync(join(folder, 'go.mod'), 'utf8'))?.[1] ?? ''
  const env = { ...process.env }
  let version: string
  try {
    version = /go(\d[\d.]*)/.exec(await run('go', ['version'], { env: { ...env, GOTOOLCHAIN: 'local' }, signal }))?.[1] ?? '0'
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Unable)) throw error
    throw new Unable(`there is no Go to build components with\n  mend it: ${INSTALL_GO}`)
  }
  if (older(version, OLDEST)) throw new Unable(`Go ${version} is too old: ${needed} is needed, or ${OLDEST}, which fetches it\n  mend it: ${INSTALL_GO}`)
  return {
    // What is built is for the nodes, which are Linux wherever this is.
    ...env, CGO_ENABLED: '0', GOOS: 'linux', GOARCH: arch, GOWORK: 'off',
    // Distributions forbid it to fetch a newer one by a file of theirs; who has forbidden it in the environment means it.
    ...(older(version, needed) ? { GOTOOLCHAIN: env['GOTOOLCHAIN'] || 'auto' } : {}),
    GOPATH: env['GOPATH'] || goFolder, GOMODCACHE: env['GOMODCACHE'] || join(env['GOPATH'] || goFolder, 'pkg/mod'), GOCACHE: env['GOCACHE'] || join(goFolder, 'build'),
    // Without it nobody but root could remove the cache by `rm`.
    GOFLAGS: `${env['GOFLAGS'] ?? ''} -modcacherw`.trim(),
  }
}

function older(version: string, than: string): boolean {
  const [a, b] = [version, than].map(each => each.split('.').map(Number))
  for (const index of [0, 1, 2]) {
    const [left = 0, right = 0] = [a?.[index], b?.[index]]
    if (left !== right) return left < right
  }
  return false
}

/** Go names each package that it compiles: a number says as much, now and then. */
function said(name: string, progress: Progress): (line: string) => void {
  let compiled = 0
  return line => {
    if (line.startsWith('go: downloading ')) return
    if (/^[\w.-]+(\/[\w.@~-]+)*$/.test(line) && ++compiled % 100 === 0) progress.say(`building ${name} with Go: ${compiled} packages compiled`)
  }
}

interface Run {
  readonly cwd?: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  readonly onLine?: (line: string) => void
}

async function run(file: string, args: readonly string[], { cwd, env, signal, onLine = () => {} }: Run): Promise<string> {
  signal.throwIfAborted()
  // A group of its own, so that what it starts ends with it.
  const child = spawn(file, args, { ...(cwd === undefined ? {} : { cwd }), env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
  signal.addEventListener('abort', stop, { once: true })
  process.once('exit', stop)
  const last: string[] = []
  createInterface({ input: child.stderr }).on('line', line => {
    onLine(line)
    last.push(line)
    if (last.length > 20) last.shift()
  })
  try {
    const [stdout, code] = await Promise.all([text(child.stdout), new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))])
    signal.throwIfAborted()
    if (code === 0) return stdout
  } catch (error) {
    signal.throwIfAborted()
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Unable(`there is no ${file}`)
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    process.off('exit', stop)
  }
  throw new Unable(`\`${file} ${args.find(arg => !arg.startsWith('-')) ?? ''}\` failed: ${why(last)}`)
}

/** Names of packages come between what matters. */
function why(lines: readonly string[]): string {
  return lines.filter(line => /[ :]/.test(line) && !line.startsWith('go: downloading ')).slice(-3).join('; ') || 'it said nothing'
}

// What works on this machine, what mends what does not, and what of this program still exists on it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { arch, release } from 'node:os'
import { join } from 'node:path'
import { componentsFolder, contentsOf, folderName } from '../../components/cache.ts'
import { COMPONENTS, isComponent } from '../../core/components.ts'
import { FEATURES, type Feature, type FeatureStatus } from '../../core/features.ts'
import { components } from '../../../fixtures/kubernetes/components.ts'
import type { Problem, Progress, Provider, ProviderName } from '../../core/provider.ts'
import { probeFeatures, type FeatureResult } from '../../engine/features.ts'
import { coloured, json, paint, plain, result } from '../print.ts'

export interface DoctorReport {
  /** A way to get nodes works, and nothing that a lab requires is missing. */
  readonly ok: boolean
  readonly system: { readonly platform: string; readonly kernel: string; readonly arch: string; readonly node: string; readonly user: 'root' | 'ordinary' }
  readonly providers: readonly DoctoredProvider[]
  /** Which provider's node the features were tried in; none if none works. */
  readonly triedIn: ProviderName | undefined
  readonly features: readonly DoctoredFeature[]
  readonly components: readonly DoctoredComponent[]
}

export interface DoctoredProvider {
  readonly name: ProviderName
  readonly works: boolean
  /** `limit`: it works, with less protection than it could have. */
  readonly problems: readonly { readonly what: string; readonly mend: string; readonly severity: 'problem' | 'limit' }[]
}

export interface DoctoredFeature {
  readonly name: string
  readonly what: string
  readonly status: FeatureStatus
  readonly because?: string
  /** A command, or a sentence where no command can. */
  readonly mend?: string
  readonly wanted: string
  /** Labs that are skipped without it. */
  readonly labs: readonly string[]
}

/** A component of Kubernetes in the cache, or not. */
export interface DoctoredComponent {
  readonly name: string
  readonly version: string
  readonly there: boolean
  readonly mend?: string
  /** Labs whose nodes have it where it is there: for right ways that are skipped without it. */
  readonly labs: readonly string[]
}

export interface DoctorOptions {
  readonly progress?: Progress
  /** Which labs require which features and components. */
  readonly required?: ReadonlyMap<string, readonly string[]>
  /** Which labs' nodes may have which components. */
  readonly asked?: ReadonlyMap<string, readonly string[]>
  readonly cache?: string
}

export async function doctor(providers: readonly Provider[], signal: AbortSignal, { progress = { say() {} }, required = new Map(), asked = new Map(), cache = '' }: DoctorOptions = {}): Promise<DoctorReport> {
  const found = await Promise.all(providers.map(async provider => [provider, await problemsOf(provider)] as const))
  // The first that works is the one that `lab start` takes. One that can't be prepared does not work after all.
  let tried: readonly [ProviderName, readonly FeatureResult[]] | undefined
  for (const [provider, problems] of found) {
    // kind gives whole clusters to topologies that suit them: no lab is started there unasked, and no feature is tried.
    if (problems.some(isHard) || provider.name === 'kind') continue
    try {
      await provider.prepare(progress)
      tried = [provider.name, await probeFeatures(provider, undefined, signal)]
      break
    } catch (error) {
      if (signal.aborted) throw error
      problems.push({ what: `no node could be started: ${error instanceof Error ? error.message : String(error)}`, mend: 'see above; `npx lab doctor` tries again' })
    }
  }
  const host = thisHost()
  const features = (tried?.[1] ?? []).map(one => doctored(one, required.get(one.name) ?? [], host))
  const doctoredProviders = found.map(([{ name }, problems]) => ({
    name, works: !problems.some(isHard),
    problems: problems.map(({ what, mend, severity }) => ({ what, mend, severity: severity ?? 'problem' as const })),
  }))
  const inCache = doctoredComponents(cache, asked)
  const lacking = inCache.filter(({ name, there }) => !there && required.has(name))
  return {
    ok: doctoredProviders.some(({ name, works }) => works && name !== 'kind') && features.every(({ status, labs }) => status === 'ok' || labs.length === 0) && lacking.length === 0,
    system: { platform: process.platform, kernel: release(), arch: arch(), node: process.version, user: process.getuid?.() === 0 ? 'root' : 'ordinary' },
    providers: doctoredProviders, triedIn: tried?.[0], features, components: inCache,
  }
}

function doctoredComponents(cache: string, asked: ReadonlyMap<string, readonly string[]>): readonly DoctoredComponent[] {
  return COMPONENTS.map(name => {
    const there = contentsOf(join(componentsFolder(cache), folderName(name)), components[name]) !== undefined
    return { name, version: components[name].version, there, ...(there ? {} : { mend: `npx lab fetch ${name}` }), labs: asked.get(name) ?? [] }
  })
}

async function problemsOf(provider: Provider): Promise<Problem[]> {
  try {
    return [...await provider.problems()]
  } catch (error) {
    return [{ what: `it could not be examined: ${error instanceof Error ? error.message : String(error)}`, mend: 'please report this' }]
  }
}

function isHard({ severity }: Problem): boolean {
  return severity === undefined
}

function doctored({ name, what, status, because }: FeatureResult, labs: readonly string[], host: Host): DoctoredFeature {
  const feature = FEATURES[name]
  if (status === 'ok' || feature === undefined) return { name, what, status, wanted: feature?.wanted ?? '', labs }
  return { name, what, status, ...(because === undefined ? {} : { because }), mend: mendOf(status, feature, host), wanted: feature.wanted, labs }
}

/** What is known of the kernel under the nodes; of an engine's machine elsewhere nothing is. */
export interface Host {
  readonly kernel: string
  /** Names of the modules that this kernel could load; undefined where it can load none. */
  readonly modules: ReadonlySet<string> | undefined
  readonly ubuntu: boolean
}

function thisHost(): Host {
  const kernel = release()
  const folder = `/lib/modules/${kernel}`
  const read = (file: string): string => existsSync(file) ? readFileSync(file, 'utf8') : ''
  const names = [...read(`${folder}/modules.dep`).matchAll(/^[^:]*?([^/:]+)\.ko[^:/]*:/gm)].map(([, name = '']) => name.replaceAll('-', '_'))
  return { kernel, modules: names.length > 0 ? new Set(names) : undefined, ubuntu: /^ID=ubuntu$/m.test(read('/etc/os-release')) }
}

export function mendOf(status: FeatureStatus, { modules }: Feature, { kernel, modules: loadable, ubuntu }: Host): string {
  if (status === 'unknown') return 'mend what kept it from being tried; of the kernel nothing is known yet'
  if (status === 'refused') return 'root in a node may not; nodes of another provider, or of a virtual machine, may'
  const here = modules.filter(name => loadable?.has(name))
  if (here.length > 0) return `sudo modprobe ${here.length > 1 ? '-a ' : ''}${here.join(' ')}`
  // Ubuntu's small kernels leave the rarer modules to a second package.
  if (modules.length > 0 && loadable !== undefined && ubuntu) return `sudo apt-get install linux-modules-extra-${kernel} && sudo modprobe -a ${modules.join(' ')}`
  return 'no command can: this kernel is built without it'
}

export function printDoctor(report: DoctorReport, { colour }: { readonly colour: boolean }): string {
  const style = paint(colour)
  const { system, providers, triedIn, features } = report
  const lines = [`Linux ${system.kernel} ${system.arch} · Node ${system.node} · as ${system.user === 'root' ? 'root' : 'an ordinary user'}`.replace(/^Linux/, system.platform === 'linux' ? 'Linux' : system.platform), '']
  for (const { name, works, problems } of providers) {
    const [what, not] = name === 'kind' ? ['clusters', style('dim', '○')] : ['nodes', style('red', '✗')]
    lines.push(`${works ? style('green', '✓') : not} ${style('bold', name)} ${works ? 'gives' : 'can give no'} ${what} here`)
    for (const { what, mend, severity } of problems) {
      lines.push(`  ${severity === 'limit' ? style('yellow', '!') : style('red', '✗')} ${plain(what)}`, `      ${style('dim', 'mend:')} ${plain(mend)}`)
    }
  }
  if (triedIn === undefined) return [...lines, '', 'no node, so nothing of the kernel could be tried', ...componentLines(report, style)].join('\n')
  const good = features.filter(({ status }) => status === 'ok')
  lines.push('', `${style('green', '✓')} ${good.length} of ${features.length} kernel features work in a node (${triedIn}):`)
  lines.push(...wrapped(good.map(({ name }) => name), 96).map(line => `    ${line}`))
  const other = features.filter(one => one.status !== 'ok')
  for (const { name, what, status, because, mend, labs } of other.filter(one => one.labs.length > 0)) {
    lines.push(`${style('red', '✗')} ${style('bold', name)}: ${what}; ${status}${because === undefined ? '' : ` (${plain(because)})`}`)
    if (mend !== undefined) lines.push(`      ${style('dim', 'mend:')} ${mend}`)
    lines.push(`      ${style('dim', 'skipped without it:')} ${labs.join(', ')}`)
  }
  const idle = other.filter(one => one.labs.length === 0)
  if (idle.length > 0) {
    lines.push('', `${style('dim', '○')} ${idle.length} are not here, and no lab requires them (\`npx lab doctor --json\` says why of each, and what could mend it):`)
    lines.push(...wrapped(idle.map(({ name }) => name), 96).map(line => `    ${line}`))
  }
  return [...lines, ...componentLines(report, style)].join('\n')
}

/** Of the components those that a lab asks for; nobody misses the others. */
function componentLines({ components: all }: DoctorReport, style: ReturnType<typeof paint>): readonly string[] {
  const asked = all.filter(({ labs }) => labs.length > 0)
  if (asked.length === 0) return []
  const [there, missing] = [asked.filter(one => one.there), asked.filter(one => !one.there)]
  const lines = ['']
  if (there.length > 0) lines.push(`${style('green', '✓')} components of Kubernetes: ${there.map(({ name, version }) => `${name} ${version}`).join(', ')}`)
  if (missing.length > 0) {
    lines.push(`${style('yellow', '!')} not fetched: ${missing.map(({ name }) => name).join(', ')}; right ways that start them are skipped`, `      ${style('dim', 'mend:')} npx lab fetch`)
  }
  return lines
}

function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

export interface LeaksReport {
  /** Nothing is there but what is kept on purpose. */
  readonly ok: boolean
  /** Labs that run, each with the command that ends it. */
  readonly running: readonly { readonly lab: string; readonly provider: ProviderName; readonly nodes: readonly string[]; readonly mend: string }[]
  /** What runs that were killed left behind. */
  readonly leftovers: readonly { readonly provider: ProviderName; readonly what: string; readonly mend: string }[]
  /** Caches and progress, which are no leaks, each with the command that removes it. */
  readonly kept: readonly { readonly what: string; readonly remove: string }[]
}

/** Asks and changes nothing. `cache` is where root filesystems are. */
export async function leaks(providers: readonly Provider[], home: string, cache?: string): Promise<LeaksReport> {
  const [running, leftovers] = await Promise.all([
    Promise.all(providers.map(async provider => (await provider.running()).map(({ lab, nodes }) =>
      ({ lab, provider: provider.name, nodes, mend: `npx lab stop ${lab}` })))),
    Promise.all(providers.map(async provider => (await provider.leftovers({ remove: false })).map(what =>
      ({ provider: provider.name, what, mend: 'npx lab stop --all' })))),
  ])
  const all = { running: running.flat(), leftovers: leftovers.flat() }
  return { ok: all.running.length === 0 && all.leftovers.length === 0, ...all, kept: [...rootfsKept(cache), ...componentsKept(cache), ...homeKept(home)] }
}

function rootfsKept(cache: string | undefined): LeaksReport['kept'] {
  if (cache === undefined || !existsSync(cache)) return []
  return readdirSync(cache).filter(name => /^rootfs-[^.]+$/.test(name)).map(name => {
    const path = join(cache, name)
    // Its files belong to numbers that only the user's own user namespace maps.
    return { what: `root filesystem ${path}`, remove: `${process.getuid?.() === 0 ? '' : 'unshare -U --map-root-user --map-auto '}rm -rf ${quotedPath(path)}` }
  })
}

function componentsKept(cache: string | undefined): LeaksReport['kept'] {
  if (cache === undefined) return []
  const kept = [['components of Kubernetes in', componentsFolder(cache)], ['what Go keeps of building them in', join(cache, 'go')]] as const
  return kept.filter(([, path]) => existsSync(path)).map(([what, path]) => ({ what: `${what} ${path}`, remove: `rm -rf ${quotedPath(path)}` }))
}

function homeKept(home: string): LeaksReport['kept'] {
  return existsSync(home) ? [{ what: `progress and journals in ${home}`, remove: `rm -rf ${quotedPath(home)}` }] : []
}

function quotedPath(path: string): string {
  return /^[\w./+@-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

export function printLeaks(report: LeaksReport, { colour }: { readonly colour: boolean }): string {
  const style = paint(colour)
  const lines = [
    ...report.running.map(({ lab, provider, nodes, mend }) => [`${style('yellow', '●')} ${lab} is running: ${nodes.join(' ')} (${provider})`, mend]),
    ...report.leftovers.map(({ provider, what, mend }) => [`${style('red', '✗')} ${plain(what)} (${provider})`, mend]),
  ].flatMap(([what, mend]) => [what, `      ${style('dim', 'mend:')} ${mend}`])
  if (report.ok) lines.push(`${style('green', '✓')} nothing is left${report.kept.length > 0 ? ', but what is kept on purpose:' : ''}`)
  else if (report.kept.length > 0) lines.push('', 'kept on purpose:')
  for (const { what, remove } of report.kept) lines.push(`  ${what}`, `      ${style('dim', 'remove:')} ${remove}`)
  return lines.join('\n')
}

/** `lab doctor [--leaks]`: 0 all is well, 1 it is not, 3 nothing could be tried. */
export async function doctorCommand(options: { readonly leaks?: true; readonly json?: true }): Promise<number> {
  const { home, cache, provider } = await import('../context.ts')
  const all: Provider[] = await Promise.all((process.platform === 'linux' ? ['embedded', 'docker', 'kind'] as const : ['docker', 'kind'] as const).map(provider))
  const colour = coloured(process.stdout)
  if (options.leaks) {
    // What can't work here has nothing here. Clusters are there as long as their engine is, also without kind.
    const engine = !(await problemsOf(await provider('docker'))).some(isHard)
    const able = all.filter(({ name }) => name === 'embedded' || engine)
    const report = await leaks(able, home, cache)
    if (options.json) json(report)
    else result(printLeaks(report, { colour }))
    return report.ok ? 0 : 1
  }
  const [{ interruptible }, { progressOn, shownUntil }] = await Promise.all([import('../interrupt.ts'), import('../progress.ts')])
  const progress = progressOn(process.stderr)
  const { required, asked } = await wanted()
  const report = await shownUntil(progress, interruptible(signal => doctor(all, signal, { progress, required, asked, cache })))
  if (options.json) json(report)
  else result(printDoctor(report, { colour }))
  return report.ok ? 0 : report.triedIn === undefined ? 3 : 1
}

/** The labs that require each feature or component, and those whose nodes may have one. A lesson that can't be read is `lab lint`'s business. */
async function wanted(): Promise<Required<Pick<DoctorOptions, 'required' | 'asked'>>> {
  const [{ listLabs, topologyOf }, { parseLesson }, { root }] =
    await Promise.all([import('../../engine/course.ts'), import('../../core/lesson.ts'), import('../context.ts')])
  const required = new Map<string, string[]>()
  const asked = new Map<string, string[]>()
  const note = (map: Map<string, string[]>, names: Iterable<string>, slug: string): void => {
    for (const name of names) map.set(name, [...map.get(name) ?? [], slug])
  }
  for (const { slug, dir } of listLabs(root)) {
    try {
      const lesson = parseLesson(readFileSync(join(dir, 'lesson.md'), 'utf8'), slug)
      note(required, lesson.requires, slug)
      const { nodes } = await topologyOf(root, lesson)
      note(asked, new Set([...lesson.requires.filter(isComponent), ...nodes.flatMap(node => node.components ?? [])]), slug)
    } catch {
      continue
    }
  }
  return { required, asked }
}

// What of this host a lab must leave as it was. Processes and cgroups may be asked for of one state folder only:
// somebody's own labs may be running while the tests do.
import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface HostState {
  readonly links: readonly string[]
  readonly mounts: readonly string[]
  readonly cgroups: readonly string[]
  readonly firewall: string
  readonly labProcesses: readonly string[]
  readonly sysctls: readonly string[]
}

/** Of a network, which is the host's own: what an engine or a lab would change first. */
const OF_NETWORK = ['net/ipv4/ip_forward', 'net/core/rmem_max', 'net/ipv4/conf/all/rp_filter', 'net/bridge/bridge-nf-call-iptables']
/** No settings: they count, or the kernel changes them by itself. */
const COUNTED = /^fs\/(dentry-state|inode-nr|inode-state|file-nr|aio-nr|quota\/.*)$|^kernel\/(ns_last_pid|pty\/nr|random\/.*|perf_.*|hung_task_(detect_count|warnings))$/
/** All but networks' are there once for the whole machine. */
const SYSCTLS = [...OF_NETWORK, ...readdirSync('/proc/sys', { recursive: true, encoding: 'utf8' }).filter(path => !path.startsWith('net') && !COUNTED.test(path)).toSorted()]

/** Taken when the kernel has finished freeing what was just let go of: it takes network namespaces apart later. */
export async function hostState(home?: string): Promise<HostState> {
  let state = await look(home)
  const deadline = performance.now() + 5_000
  for (;;) {
    await pause(50)
    const next = await look(home)
    if (JSON.stringify(next) === JSON.stringify(state) || performance.now() > deadline) return next
    state = next
  }
}

async function look(home: string | undefined): Promise<HostState> {
  const prefix = home === undefined ? '' : `${createHash('sha256').update(home).digest('hex').slice(0, 8)}.`
  return {
    links: (await output('ip', ['-o', 'link'])).split('\n').map(line => line.replace(/ (state|qlen) .*/, '')),
    mounts: read('/proc/self/mounts').split('\n').toSorted(),
    cgroups: ['/sys/fs/cgroup', ...names('/sys/fs/cgroup').map(name => `/sys/fs/cgroup/${name}`)].map(folder => `${folder}/hardway`).flatMap(folder =>
      names(folder).filter(name => name.startsWith(prefix)).map(name => `${folder}/${name}`)),
    firewall: (await output('nft', ['-s', 'list', 'ruleset'])) + (await output('iptables-legacy-save', [])).replaceAll(/^#.*|\[.*\]/gm, ''),
    labProcesses: readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
      const words = read(`/proc/${pid}/environ`)
      return words.includes(`HARDWAY_HOME=${home ?? ''}`) ? [`${pid} ${read(`/proc/${pid}/comm`).trim()}`] : []
    }),
    sysctls: SYSCTLS.map(name => [name, read(`/proc/sys/${name}`).trim()] as const).filter(([, value]) => value !== '').map(pair => pair.join(' ')),
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name)
  } catch {
    return []
  }
}

async function output(file: string, args: readonly string[]): Promise<string> {
  return run(file, args).then(({ stdout }) => stdout, () => '')
}

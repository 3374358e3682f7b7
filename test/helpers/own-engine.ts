// A Docker engine of a test's own, in a network and mount namespace of its own: its bridges and rules are there and nowhere
// else, and what it writes below /etc, /lib and /run is a layer that ends with it.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { descendants, eventually, here, runs } from './nodes.ts'

/**
 * An engine makes the folders that its containers are given: kind gives its nodes /lib/modules, which not every machine has. And it raises
 * the machine's limits of keys, if it may.
 */
const ENGINE = `set -e
for layer in etc lib; do
  mkdir "$1/$layer" "$1/$layer.work"
  mount -t overlay -o "lowerdir=/$layer,upperdir=$1/$layer,workdir=$1/$layer.work" overlay "/$layer"
done
mount -t tmpfs tmpfs /run
mount --bind /proc/sys/kernel/keys /proc/sys/kernel/keys
mount -o remount,bind,ro /proc/sys/kernel/keys
ip link set lo up
folder=$1; cgroup=$2; shift 2
exec dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/socket" \\
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$cgroup" "$@" >"$folder/log" 2>&1`
const STARTS_MS = 60_000
const ENDS_MS = 60_000

export interface OwnEngine extends AsyncDisposable {
  /** As DOCKER_HOST would say it. */
  readonly host: string
  /** For what else a test needs while the engine runs. */
  readonly folder: string
}

/** Why there can be none. */
export function noOwnEngine(): string | undefined {
  for (const tool of ['dockerd', 'docker', 'iptables', 'setpriv', 'jq', 'curl']) {
    if (here('command -v "$1"', tool).exitCode !== 0) return `there is no ${tool}`
  }
  return process.getuid?.() === 0 ? undefined : 'only root can start an engine'
}

export async function startEngine(): Promise<OwnEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'))
  const cgroup = `hardway-${basename(folder)}`
  mkdirSync(join(folder, 'data'))
  const runtime = mayRaiseLimits() ? [] : ['--add-runtime', `less=${fileURLToPath(new URL('runc-without-resource', import.meta.url))}`, '--default-runtime', 'less']
  // It ends with this process, whatever ends that.
  const engine = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', ENGINE, 'sh', folder, cgroup, ...runtime], { stdio: 'ignore' })
  const pid = engine.pid ?? 0
  const end = async (): Promise<void> => {
    const all = [pid, ...descendants(pid)]
    engine.kill('SIGTERM')
    await eventually(() => all.filter(runs), left => left.length === 0, ENDS_MS).catch(() => {
      for (const one of all.filter(runs)) process.kill(one, 'SIGKILL')
    })
    // A cgroup is busy for a moment after its last process ended.
    await eventually(() => here('for each in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do [ ! -d "$each" ] || find "$each" -depth -type d -exec rmdir {} +; [ ! -d "$each" ] || echo "$each"; done', cgroup).stdout, left => left === '', ENDS_MS).catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await eventually(() => {
      if (!runs(pid)) throw new Error(`the engine has ended:\n${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`)
      return here('curl -sS -f --unix-socket "$1" http://localhost/_ping', join(folder, 'socket')).stdout
    }, said => said === 'OK', STARTS_MS)
  } catch (error) {
    await end()
    throw error
  }
  return { host: `unix://${join(folder, 'socket')}`, folder, [Symbol.asyncDispose]: end }
}

/** CAP_SYS_RESOURCE: without it no container can be given all capabilities, as kind wants for its nodes. */
function mayRaiseLimits(): boolean {
  const [, effective = '0'] = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return (BigInt(`0x${effective}`) >> 24n & 1n) === 1n
}

// Whether what lab 03 says of Docker is so: a real engine in a network and mount namespace of its own, with its bridge
// and its rules. Nothing of it touches the host's: its folders, its socket and its cgroup are gone afterwards.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { descendants, eventually, here, readProc, runs, type Here } from '../helpers/nodes.ts'

const because = missing()
if (because !== undefined && process.env['CI']) throw new Error(`a Docker engine must be there in CI: ${because}`)
if (because !== undefined) test.skip(`docker0 of a real engine, because ${because}`, () => {})

/** Nothing of /etc and /run is written by it: what it sees there is a layer that ends with it. */
const ENGINE = `set -e
mkdir "$1/etc" "$1/work"
mount -t tmpfs tmpfs /run
mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" overlay /etc
ip link set lo up
sysctl -qw net.ipv4.ip_forward=0
exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/socket" \\
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$2" >"$1/log" 2>&1`
const STARTS_MS = 60_000
const ENDS_MS = 30_000

interface Container {
  readonly State: { readonly Pid: number }
  readonly NetworkSettings: { readonly SandboxKey: string; readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> }
}

describe.skipIf(because !== undefined)('docker0 of a real engine', () => {
  let folder: string
  const cgroup = `hardway-docker0-${process.pid}`
  const before = host()
  let engine: ChildProcess
  let pid = 0
  let container: Container
  const address = (): string => container.NetworkSettings.Networks['bridge']?.IPAddress ?? ''
  /** In the engine's own network. */
  const inside = (script: string, ...args: readonly string[]): Here => here(`nsenter -t ${pid} -n bash -c "$@"`, script, 'bash', ...args)
  const ask = (method: string, path: string, ...more: readonly string[]): Here =>
    here('socket=$1 method=$2 path=$3; shift 3; exec curl -sS -f --unix-socket "$socket" -X "$method" "$@" "http://localhost$path"', join(folder, 'socket'), method, path, ...more)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'docker0-'))
    // It ends with this process, whatever ends that.
    engine = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', ENGINE, 'sh', folder, cgroup], { stdio: 'ignore' })
    pid = engine.pid ?? 0
    await eventually(() => {
      if (!runs(pid)) throw new Error(`the engine has ended:\n${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`)
      return ask('GET', '/_ping').stdout
    }, said => said === 'OK', STARTS_MS)
    // An image of one program and what it is linked to.
    const image = here('socket=$1; set -- /bin/sleep $(ldd /bin/sleep | grep -o "/[^ ]*"); tar -chf - -C / "${@#/}" | curl -sS -f --unix-socket "$socket" -H "Content-Type: application/x-tar" --data-binary @- "http://localhost/images/create?fromSrc=-&repo=sleeper"', join(folder, 'socket'))
    expect(image.exitCode, image.stderr).toBe(0)
    const config = JSON.stringify({ Image: 'sleeper', Cmd: ['/bin/sleep', '1d'], ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } })
    const created = ask('POST', '/containers/create?name=busybox', '-H', 'Content-Type: application/json', '-d', config)
    expect(created.exitCode, created.stderr).toBe(0)
    const started = ask('POST', '/containers/busybox/start')
    expect(started.exitCode, started.stderr).toBe(0)
    container = JSON.parse(ask('GET', '/containers/busybox/json').stdout) as Container
  })

  afterAll(async () => {
    // What the engine has started ends with it, except the container's shim.
    ask('DELETE', '/containers/busybox?force=true')
    const all = [pid, ...descendants(pid)]
    engine.kill('SIGTERM')
    await eventually(() => all.filter(runs), left => left.length === 0, ENDS_MS).catch(() => {
      for (const one of all.filter(runs)) process.kill(one, 'SIGKILL')
    })
    await eventually(() => all.filter(runs), left => left.length === 0, ENDS_MS)
    here('for each in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do [ ! -d "$each" ] || rmdir "$each"; done', cgroup)
    rmSync(folder, { recursive: true, force: true })
    expect(host()).toEqual(before)
    expect(here('ls -d /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1" 2>/dev/null; grep -F "$2" /proc/self/mounts; true', cgroup, folder).stdout).toBe('')
  })

  test('docker0 is a bridge, has 172.17.0.1/16 and a MAC address of its own', () => {
    expect(inside('ip -br addr show docker0').stdout).toMatch(/^docker0 +(UP|DOWN) +172\.17\.0\.1\/16/)
    // Not that of its port, which it would have taken otherwise.
    const macs = inside('ip -br link show type bridge; ip -br link show master docker0').stdout.match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g)
    expect(macs).toHaveLength(2)
    expect(new Set(macs).size).toBe(2)
  })

  test('containers go out under the address of the machine: the very rule that the lab writes', () => {
    expect(inside('iptables -t nat -S POSTROUTING').stdout).toContain('-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n')
  })

  test('it has turned forwarding on, and so has closed FORWARD, and looks into DOCKER-USER first', () => {
    expect(inside('sysctl -n net.ipv4.ip_forward').stdout).toBe('1\n')
    const forward = inside('iptables -S FORWARD').stdout.split('\n')
    expect(forward[0]).toBe('-P FORWARD DROP')
    expect(forward[1]).toBe('-A FORWARD -j DOCKER-USER')
    // Empty but for the way back, which newer versions leave out.
    expect(inside('iptables -S DOCKER-USER').stdout).toMatch(/^-N DOCKER-USER\n(-A DOCKER-USER -j RETURN\n)?$/)
  })

  test('a published port is a translation in DOCKER, for what is for the machine and does not come from docker0', () => {
    const nat = inside('iptables -t nat -S').stdout
    expect(nat).toContain('-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n')
    expect(nat).toContain(`-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination ${address()}:80\n`)
    // And the same for what the machine itself sends.
    expect(nat).toMatch(/^-A OUTPUT .*--dst-type LOCAL -j DOCKER$/m)
    expect(inside('iptables -S').stdout).toContain(`-A DOCKER -d ${address()}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n`)
    expect(inside('ss -Hltnp sport = :8080').stdout).toContain('docker-proxy')
  })

  test('State.Pid is the process below the shim, and only it is in a network of its own', async () => {
    const { Pid } = container.State
    // The engine has let it go, and for a moment it is still what has set it up: runc.
    await eventually(() => readProc(Pid, 'cmdline'), said => !said.includes('init'))
    const shim = Number(/^PPid:\s+(\d+)$/m.exec(readProc(Pid, 'status'))?.[1])
    expect(readProc(Pid, 'cmdline')).toBe('/bin/sleep\u00001d\u0000')
    expect(readProc(shim, 'cmdline')).toContain('containerd-shim')
    const network = (of: number): string => here('readlink "/proc/$1/ns/net"', String(of)).stdout
    expect(network(shim)).toBe(network(pid))
    expect(network(Pid)).not.toBe(network(pid))
  })

  test('the number behind @if leads to the veth on docker0, and /sys does not', () => {
    const eth0 = inside('nsenter -t "$1" -n ip -o link show eth0', String(container.State.Pid)).stdout
    const number = /^\d+: eth0@if(\d+): /.exec(eth0)?.[1] ?? ''
    const veth = inside('ip -o link').stdout.split('\n').find(line => line.startsWith(`${number}: `))
    expect(veth).toMatch(/^\d+: veth[0-9a-f]{7}@if\d+: .* master docker0 /)
    expect(inside('nsenter -t "$1" -n ip route', String(container.State.Pid)).stdout).toMatch(/^default via 172\.17\.0\.1 dev eth0/)
    // -n changes the network, and not the mounts: this is the machine's /sys.
    const names = (script: string): string => inside(script, String(container.State.Pid)).stdout
    expect(names('nsenter -t "$1" -n ls /sys/class/net')).toBe(here('ls /sys/class/net').stdout)
  })

  test('the namespace is mounted, and not where ip netns looks', () => {
    const { SandboxKey } = container.NetworkSettings
    expect(SandboxKey).toMatch(/\/netns\/[0-9a-f]{12}$/)
    expect(here('nsenter -t "$1" -m grep -F " $2 " /proc/self/mountinfo', String(pid), SandboxKey).stdout).toContain('net:[')
    expect(here('nsenter -t "$1" -m -n ip netns list', String(pid)).stdout).toBe('')
  })
})

/** Why there is none. */
function missing(): string | undefined {
  for (const tool of ['dockerd', 'iptables', 'setpriv', 'nsenter', 'curl', 'ss']) {
    if (here('command -v "$1"', tool).exitCode !== 0) return `there is no ${tool}`
  }
  return process.getuid?.() === 0 ? undefined : 'only root can start an engine'
}

/** What of the host an engine changes where it is let: none of it may. */
function host(): string {
  return here('ip -br link show type bridge; iptables-save -t nat | grep -v "^[#:]"; sysctl net.ipv4.ip_forward; ls /etc/docker 2>&1').stdout
}

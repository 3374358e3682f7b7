// What a learner with root in a node may try against the machine under it, against another node, and against the
// runner. One table for every provider and every user. A denial proves nothing by itself: beside each stands
// the same deed where it may be done.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Provider } from '../../runner/core/provider.ts'
import { hostState, type HostState } from '../helpers/host.ts'
import { eventually, here, nodesOn, startLab, type StartedLab } from '../helpers/nodes.ts'

const ATTACK = fileURLToPath(new URL('../helpers/attack.pl', import.meta.url))
/** What a node may have; the table is the same for all. */
const PROCESSES = 512
const MEMORY_MIB = 512
const DENIED = /Operation not permitted|Permission denied|Read-only file system|must be superuser|permission denied/

/** Asks for the host's own: each is written in a node, and the host must not have changed. */
const SYSCTLS = [
  'kernel.core_pattern=|/tmp/pwned', 'kernel.panic=77', 'kernel.printk=7 7 7 7', 'kernel.threads-max=999', 'kernel.randomize_va_space=0',
  'kernel.modprobe=/tmp/pwned', 'kernel.hotplug=/tmp/pwned', 'kernel.sysrq=1', 'kernel.unprivileged_bpf_disabled=0', 'kernel.dmesg_restrict=0',
  'kernel.yama.ptrace_scope=0', 'vm.swappiness=7', 'vm.overcommit_memory=1', 'vm.drop_caches=1', 'vm.panic_on_oom=1', 'fs.file-max=777', 'fs.protected_symlinks=0',
  'fs.suid_dumpable=2', 'fs.inotify.max_user_watches=7', 'net.core.rmem_max=777777', 'net.core.wmem_default=7777', 'net.core.bpf_jit_enable=0',
  'net.netfilter.nf_conntrack_max=7', 'net.ipv4.tcp_allowed_congestion_control=reno', 'dev.tty.ldisc_autoload=1', 'dev.tty.legacy_tiocsti=1',
]
/** A node's own, or nobody's business: these may succeed, and the host must not have changed all the same. */
const OWN = [
  'kernel.pid_max=777', 'kernel.msgmax=777', 'kernel.shmmax=7777', 'kernel.ns_last_pid=77', 'kernel.hostname=pwned', 'user.max_user_namespaces=7', 'user.max_net_namespaces=7',
  'net.core.somaxconn=7', 'net.ipv4.tcp_rmem=4096 7777 77777', 'net.ipv4.tcp_congestion_control=reno', 'net.ipv4.conf.all.rp_filter=2', 'net.ipv4.ip_local_port_range=7000 7777',
  'net.unix.max_dgram_qlen=7', 'net.bridge.bridge-nf-call-iptables=1', 'net.ipv4.neigh.default.gc_thresh3=7',
]

export function attacks(name: string, factory: (home: string) => Provider, { why }: { readonly why?: string | undefined } = {}): void {
  describe.skipIf(why !== undefined)(`root in a node, ${name}${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
    let folder: string
    let provider: Provider
    let lab: StartedLab
    let host: HostState
    const root = process.getuid?.() === 0

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'hardway-attacks-'))
      provider = factory(join(folder, 'home'))
      await provider.prepare({ say: () => {} })
      host = await hostState(join(folder, 'home'))
      lab = await startLab(provider)
    })
    afterAll(async () => {
      await lab[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    })

    const source = readFileSync(ATTACK, 'utf8')
    /** The attack of attack.pl, in a node. */
    const attack = (what: readonly (string | number)[], options: { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly on?: string; readonly in?: StartedLab } = {}) =>
      (options.in ?? lab).node(options.on ?? 'node1').exec(['perl', '-', ...what.map(String)], { stdin: source, timeoutMs: 60_000, ...options })
    /** The same, on this host. */
    const attackHere = (what: readonly (string | number)[]) => here('perl "$@"', ATTACK, ...what.map(String))
    const denied = (said: { readonly stdout: string; readonly stderr: string; readonly exitCode?: number | null | undefined }, how = DENIED) => {
      expect(said.stdout + said.stderr).toMatch(how)
      expect(said.exitCode).not.toBe(0)
    }
    const sysctl = (key: string): string | undefined => {
      const path = `/proc/sys/${key.replaceAll('.', '/')}`
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return undefined
      }
    }

    test('can remove every file of its own, and of nothing else; the lab starts again as if nothing had been', async () => {
      const sentinel = join(folder, 'sentinel')
      writeFileSync(sentinel, 'still here')
      const count = 'find /usr /etc -xdev | wc -l'
      await using doomed = await startLab(provider)
      const before = (await doomed.sh(count)).stdout
      expect(Number(before)).toBeGreaterThan(1000)
      await doomed.sh('rm -rf --no-preserve-root /', { timeoutMs: 60_000 })
      // The control: it did remove what it could.
      expect((await doomed.node('node1').exec(['/bin/true'])).exitCode).not.toBe(0)
      expect((await doomed.sh(count, { on: 'node2' })).stdout).toBe(before)
      expect((await lab.sh(count)).stdout).toBe(before)
      expect(readFileSync(sentinel, 'utf8')).toBe('still here')
      await provider.down(doomed.lab)
      await using again = await startLab(provider, nodesOn(2), doomed.lab)
      expect((await again.sh(count)).stdout).toBe(before)
    })

    test.for(SYSCTLS)('can\'t write %s, nor change it on the host', async setting => {
      const [key = '', value = ''] = setting.split('=')
      const before = sysctl(key)
      const path = `/proc/sys/${key.replaceAll('.', '/')}`
      const tried = await lab.sh(`[ -e ${path} ] || { echo absent; exit; }; printf '%s' '${value}' >${path}`)
      if (tried.stdout !== 'absent\n') denied(tried)
      // A /proc of its own making, mounted anew, is no way around it.
      const anew = await lab.sh(`unshare -m sh -c 'mount -t proc proc /mnt && [ -e /mnt/sys/${path.slice(10)} ] || exit 9; printf %s "${value}" >/mnt/sys/${path.slice(10)}'`)
      expect(anew.exitCode).not.toBe(0)
      expect(sysctl(key)).toBe(before)
    })

    test('can write the sysctls of its own namespaces, and the host keeps its own', async () => {
      // The number of the last process changes by itself: it is only looked at for the value that was written.
      const keys = OWN.map(setting => setting.split('=')[0] ?? '')
      const values = () => keys.filter(key => key !== 'kernel.ns_last_pid').map(sysctl)
      const before = values()
      await using own = await startLab(provider)
      for (const setting of OWN) await own.sh(`sysctl -q -w '${setting}'`)
      // The control: writing does work where it may.
      expect((await own.sh('sysctl -n net.core.somaxconn net.ipv4.tcp_congestion_control')).stdout).toBe('7\nreno\n')
      expect(values()).toEqual(before)
      expect(sysctl('kernel.ns_last_pid')).not.toBe('77\n')
    })

    test('can\'t press the magic keys, suspend the machine, or set its clock', async () => {
      // `h` would print a help text into the kernel's log, and no more.
      denied(await lab.sh('echo h >/proc/sysrq-trigger'), /Permission denied|No such file|Read-only/)
      denied(await lab.sh('mount -t proc p /mnt && echo h >/mnt/sysrq-trigger'), /Permission denied|No such file|Read-only|permission denied/)
      denied(await lab.sh('echo freeze >/sys/power/state'), /Permission denied|No such file|Read-only/)
      denied(await lab.sh('date -s "@$(date +%s)"'))
      expect((await lab.sh('date +%s')).exitCode).toBe(0)
    })

    test('gets at no disk: it makes no device, sees none of the host, and mounts none', async () => {
      const [, major = '254', minor = '0', disk = 'vda'] = /^\s+(\d+)\s+(\d+)\s+\d+\s+([a-z]+)$/m.exec(readFileSync('/proc/partitions', 'utf8')) ?? []
      for (const what of [`mknod /tmp/disk b ${major} ${minor}`, 'mknod /dev/shm/mem c 1 1', `mount -t ext4 /dev/${disk} /mnt`, 'mount -t devtmpfs d /mnt', 'mount -t debugfs d /mnt', 'mount -t tracefs d /mnt', 'mount -t securityfs d /mnt']) {
        denied(await lab.sh(what), /Operation not permitted|permission denied|unknown filesystem|does not exist|wrong fs type/i)
      }
      expect((await lab.sh(`head -c 512 /dev/${disk} || head -c 512 /tmp/disk`)).stdout).toBe('')
      // The controls: the same tools do what a node may.
      expect(await lab.sh('mknod /tmp/pipe p && mount -t tmpfs t /mnt && umount /mnt')).toMatchObject({ exitCode: 0 })
      if (root) expect(here('mknod "$1/disk" b "$2" "$3" && rm "$1/disk"', folder, major, minor).exitCode).toBe(0)
    })

    test('can\'t change the devices that it shares with the host', async () => {
      const modes = () => ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map(device => {
        const { mode, uid, rdev } = statSync(`/dev/${device}`)
        return [device, mode, uid, rdev]
      })
      const before = modes()
      for (const device of before.map(([device]) => device)) denied(await lab.sh(`chmod 0 /dev/${device}`))
      await lab.sh('chown 0 /dev/null; rm -f /dev/null /dev/zero; touch /dev/new; setfattr -n user.x -v y /dev/null; chmod 1777 /dev')
      expect(modes()).toEqual(before)
      expect((await lab.sh('ls /dev', { on: 'node2' })).stdout).not.toContain('new')
      expect((await lab.sh('touch /tmp/own && chmod 0 /tmp/own')).exitCode).toBe(0)
    })

    test('is held at its number of processes by a fork bomb, as one user or as twenty; the host and the other node go on', async () => {
      const users = Array.from({ length: 20 }, (_, index) => String(index))
      for (const as of [['0'], users]) {
        await using bombed = await startLab(provider)
        // It goes on until the lab ends, which it does not keep from ending: however late it is looked at, there is something to see.
        const done = attack(['bomb', 600, ...as], { in: bombed, timeoutMs: 600_000 })
        // One process of this host, and one of the other node, while it goes on.
        // Counted from here: a node that is full of them has no time left to count.
        const inNodes = () => Number(here('cat /proc/[0-9]*/status 2>/dev/null | grep -c "^NSpid:.*[0-9]\\s[0-9].*[0-9]\\s[0-9]"').stdout)
        await eventually(async () => inNodes(), most => most >= 100)
        expect(here('echo alive').stdout).toBe('alive\n')
        expect(await bombed.node('node2').exec(['sh', '-c', 'true & wait; echo alive'], { timeoutMs: 60_000 })).toMatchObject({ stdout: 'alive\n' })
        // Nodes of other labs may be there too: a bomb that is not held would be at tens of thousands.
        expect(inNodes()).toBeLessThan(10 * PROCESSES)
        await provider.down(bombed.lab)
        expect((await done).exitCode).toBeUndefined()
      }
    })

    test('fills its disk and no more, and nothing of it is on the disk of the host', async () => {
      await using small = await startLab(provider, nodesOn(2, { diskMiB: 16 }))
      const fill = (path: string) => small.sh(`dd if=/dev/zero of=${path} bs=1M count=200; stat -c %s ${path}; grep write_bytes /proc/self/io | head -1; grep ^write_bytes /proc/$$/io`, { timeoutMs: 30_000 })
      for (const [path, most] of [['/big', 16], ['/tmp/big', 64], ['/run/big', 16], ['/dev/shm/big', 16]] as const) {
        const { stdout, stderr } = await fill(path)
        expect(stderr).toContain('No space left on device')
        expect(Number(stdout.split('\n')[0])).toBeLessThanOrEqual(most << 20)
        const written = /^write_bytes: (\d+)$/m.exec(stdout)?.[1]
        if (name.startsWith('embedded') && written !== undefined) expect(written).toBe('0')
        await small.sh(`rm ${path}`)
      }
      expect((await small.sh('dd if=/dev/zero of=/big bs=1M count=4; rm /big', { on: 'node2' })).exitCode).toBe(0)
    })

    test('that takes memory without end is ended itself', async ({ skip }) => {
      const unlimited = (await provider.problems()).find(({ what }) => what.includes('memory'))
      if (unlimited !== undefined) skip(unlimited.what)
      await using hungry = await startLab(provider)
      // The control: what is allowed is had.
      expect(await attack(['hog', 100], { in: hungry })).toMatchObject({ stdout: 'done 100 MiB\n' })
      const hog = await attack(['hog', 2 * MEMORY_MIB], { in: hungry, timeoutMs: 30_000 })
      expect(hog.stdout).toBe('')
      expect(hog.exitCode).not.toBe(0)
      const mounted = await hungry.sh(`mount -t tmpfs -o size=8g t /mnt && dd if=/dev/zero of=/mnt/big bs=1M count=${2 * MEMORY_MIB}`, { timeoutMs: 30_000 })
      expect(mounted.exitCode).not.toBe(0)
      expect(await hungry.node('node2').exec(['echo', 'alive'])).toMatchObject({ stdout: 'alive\n' })
      expect(here('echo alive').stdout).toBe('alive\n')
    })

    test('signals, traces and reads no process of the host or of another node', async () => {
      const victim = spawn('sleep', ['600'], { stdio: 'ignore' })
      try {
        const pid = victim.pid ?? 0
        await lab.sh('sleep 600 & disown', { on: 'node2' })
        // Until it has become that, it is bash.
        await eventually(() => lab.sh('pgrep -c sleep', { on: 'node2' }), ({ stdout }) => stdout === '1\n')
        for (const what of [['signal', pid], ['ptrace', pid]] as const) denied(await attack(what), /No such process/)
        denied(await lab.sh(`cat /proc/${pid}/environ /proc/${pid}/root/etc/shadow`), /No such file/)
        expect(await lab.sh('kill -9 -1; true')).toMatchObject({})
        expect(victim.exitCode).toBeNull()
        expect(here('kill -0 "$1"', String(pid)).exitCode).toBe(0)
        expect((await lab.sh('pgrep -c sleep', { on: 'node2' })).stdout).toBe('1\n')
        expect((await lab.sh('echo alive')).stdout).toBe('alive\n')
        // The controls: what it may signal and trace, it can.
        expect(await lab.sh('sleep 600 & kill -9 $! && ! wait $! 2>/dev/null')).toMatchObject({ exitCode: 0 })
        expect(await attack(['ptrace', 'child'])).toMatchObject({ stdout: 'done \n' })
      } finally {
        victim.kill()
      }
    })

    test('reads no file of the host and of no other node', async () => {
      const secret = join(folder, 'secret')
      writeFileSync(secret, 'for nobody', { mode: 0o644 })
      denied(await lab.sh(`cat ${secret}`), /No such file/)
      // By no other name either: whatever of it is mounted would show this folder.
      expect((await lab.sh(`find / -xdev -name '${folder.split('/').at(-1)}' 2>/dev/null; for p in /proc/[0-9]*; do ls -d $p/root${folder} $p/cwd${folder} 2>/dev/null; done`)).stdout).toBe('')
      if (root) expect((await lab.sh('cat /etc/shadow')).stdout).not.toBe(readFileSync('/etc/shadow', 'utf8'))
      await lab.sh('echo mine >/etc/mine')
      expect((await lab.sh('cat /etc/mine')).stdout).toBe('mine\n')
      denied(await lab.sh('cat /etc/mine', { on: 'node2' }), /No such file/)
    })

    test('finds no way out of its root: by chroot, by handles, by taking mounts apart', async () => {
      const secret = join(folder, 'way-out')
      writeFileSync(secret, 'out')
      denied(await attack(['chroot', secret]), /No such file/)
      // The control: out of a chroot of the node's own the same steps lead, to the node's root.
      expect(await attack(['chroot', '/etc/hostname'])).toMatchObject({ stdout: 'done node1\n\n' })
      for (const file of ['/dev/null', '/etc/hostname', '/proc/self/status']) denied(await attack(['handle', file]), /Operation not permitted|Stale|not supported|Permission denied|No such/)
      if (root) expect(attackHere(['handle', '/dev/null'])).toMatchObject({ stdout: 'done \n' })
      await using torn = await startLab(provider)
      const apart = await torn.sh(`
        exec 2>&1
        awk '{ print $5 }' /proc/self/mountinfo | tac >/tmp/mounts
        while read -r mount; do umount -l "$mount" || umount "$mount"; mount --move "$mount" /mnt && umount -l /mnt; mount -o remount,bind,rw "$mount"; done </tmp/mounts
        umount -l /; mount --bind / /mnt && cd /mnt && pivot_root . mnt; umount -l /mnt; cat ${secret}; ls ${folder}; cat /proc/1/root${secret}; echo tried`)
      expect(apart.stdout).toContain('tried')
      expect(apart.stdout).not.toMatch(/^out$/m)
      // What is mounted in a namespace below is locked together: taking it apart may not uncover what is beneath.
      const below = await torn.sh(`unshare -U -r -m sh -c 'umount -l /proc; umount -l /dev; umount -l /sys; umount -l /; cat ${secret}' 2>&1; true`, { on: 'node2' })
      expect(below.stdout).not.toMatch(/^out$/m)
    })

    test('names no link of the fabric by the number of its namespace, and deletes no wire of another', async () => {
      const wires = async () => (await lab.node('fabric').exec(['ip', '-o', 'link'])).stdout.replaceAll(/ state .*/g, '')
      const before = await wires()
      const index = /^(\d+): node2-eth0/m.exec(before)?.[1] ?? ''
      expect(Number(index)).toBeGreaterThan(1)
      const number = /link-netnsid (\d+)/.exec((await lab.sh('ip -d link show eth0')).stdout)?.[1] ?? '0'
      const listed = await attack(['links', number])
      expect(listed.stdout).not.toMatch(/node2|fab/)
      denied(await attack(['links', number, index]), /Permission denied|Operation not permitted|Invalid argument/)
      denied(await lab.sh(`ip link add pwned link-netnsid ${number} type veth peer name pwned2`))
      expect(await wires()).toBe(before)
      await eventually(() => lab.sh('ping -c1 -W1 192.168.1.12'), ({ exitCode }) => exitCode === 0)
      // The control: in namespaces of its own the same messages list and delete.
      const own = `ip netns add own && ip link add name a type veth peer name b netns own && perl - links "$(ip -j link show a | jq '.[0].link_netnsid')"`
      expect((await lab.sh(own, { stdin: source })).stdout).toMatch(/done .*\bb\b/)
      const peer = await lab.sh(`perl - links "$(ip -j link show a | jq '.[0].link_netnsid')" "$(ip -n own -j link show b | jq '.[0].ifindex')"; ip -n own link show b; ip netns del own`, { stdin: source })
      expect(peer.stdout).toContain('done')
      expect(peer.stderr).toContain('does not exist')
    })

    test('raises none of its limits, and leaves no cgroup', async () => {
      for (const type of ['-t cgroup -o pids', '-t cgroup -o memory', '-t cgroup2']) {
        const tried = await lab.sh(`mount ${type} c /mnt || exit 0
          cd /mnt; ls >/dev/null
          mkdir x; echo max >pids.max; echo -1 >memory.limit_in_bytes; echo max >memory.max; echo 0 >../cgroup.procs; echo 0 >cgroup.procs; echo 0 >tasks; echo /tmp/x >release_agent; echo 1 >notify_on_release
          [ ! -e x ] && [ ! -e pids.max -o "$(cat pids.max 2>/dev/null)" != max ]; held=$?; cd /; umount /mnt; exit $held`)
        expect(tried.exitCode, tried.stderr).toBe(0)
      }
      const most = 'awk \'/Max processes/ { print $4 }\' /proc/self/limits'
      const hard = Number((await lab.sh(most)).stdout)
      denied(await attack(['rlimit', hard + 1]))
      expect(await attack(['rlimit', hard - 1])).toMatchObject({ stdout: 'done \n' })
    })

    describe('finds on the network', () => {
      let server: Server
      let port: number
      const addresses = Object.values(networkInterfaces()).flatMap(all => (all ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address))
      beforeAll(async () => {
        server = createServer(socket => socket.end('the host\n'))
        await new Promise<void>(resolve => { server.listen(0, '0.0.0.0', resolve) })
        const bound = server.address()
        port = typeof bound === 'object' && bound !== null ? bound.port : 0
      })
      afterAll(() => { server.close() })

      test('no service of the host, by none of its addresses, whatever routes and addresses the node gives itself', async () => {
        // The control: it is there, and who may reaches it. In a process of its own: the server is in this one.
        // Again, where this one was kept from answering for longer than a client waits.
        await eventually(() => new Promise<string>(resolve => {
          let said = ''
          const client = spawn('perl', [ATTACK, 'tcp', '127.0.0.1', String(port)])
          client.stdout.on('data', (piece: Buffer) => { said += piece.toString() })
          client.on('close', () => resolve(said))
        }), reached => reached.includes('done the host'))
        await using eager = await startLab(provider)
        const ask = () => Promise.all([...addresses, '192.168.1.1', '1.1.1.1'].map(address => attack(['tcp', address, port], { in: eager })))
        for (const said of await ask()) denied(said, /refused|unreachable|No route|timed out/)
        await eager.sh('ip route add default dev eth0')
        for (const said of await ask()) denied(said, /refused|unreachable|No route|timed out/)
        await eager.sh('ip route del default; ip addr add 192.168.1.1/24 dev eth0; ip route add default via 192.168.1.12', {})
        await eager.sh('sysctl -q -w net.ipv4.ip_forward=1; ip route add default dev eth0', { on: 'node2' })
        for (const said of await ask()) denied(said, /refused|unreachable|No route|timed out/)
      })

      test('the other node', async () => {
        const enough = new AbortController()
        // Whoever comes is answered: the first may have given up waiting for it.
        const listening = lab.node('node2').exec(['perl', '-e', 'use Socket; $SIG{PIPE} = "IGNORE"; socket S, AF_INET, SOCK_STREAM, 0; setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1; bind S, pack_sockaddr_in(4242, INADDR_ANY); listen S, 5; while (accept C, S) { print C "node2\\n"; close C }'], { timeoutMs: 120_000, signal: enough.signal })
        try {
          await eventually(() => attack(['tcp', '192.168.1.12', 4242]), ({ stdout }) => stdout.includes('done node2'))
        } finally {
          enough.abort()
          await listening
        }
      })

      test('no abstract socket of the host', async () => {
        const socket = `hardway-${process.pid}`
        const listener = createServer(peer => peer.end('the host\n'))
        await new Promise<void>(resolve => { listener.listen(`\0${socket}`, resolve) })
        try {
          denied(await attack(['abstract', socket]), /refused/)
          expect(await attack(['abstract-listen', socket])).toMatchObject({ stdout: 'done\n' })
        } finally {
          listener.close()
        }
      })
    })

    test('loads no module and no BPF program', async () => {
      denied(await attack(['module']), /Operation not permitted|not implemented/)
      denied(await attack(['bpf']), /Operation not permitted|not implemented/)
      // The control: the request is well formed.
      if (root) expect(attackHere(['bpf'])).toMatchObject({ stdout: 'done \n' })
    })

    test('is shown nothing of the environment, the open files or the keys of whoever runs the lab', async () => {
      const shown = await lab.sh('tr "\\0" "\\n" </proc/self/environ; tr "\\0" "\\n" </proc/1/environ; cut -d: -f2 /proc/keys')
      for (const variable of ['USER', 'SSH_AUTH_SOCK', 'VITEST', 'NODE_ENV', 'HARDWAY', 'HW_']) expect(shown.stdout).not.toMatch(new RegExp(`^${variable}`, 'm'))
      expect((await lab.sh('for p in 1 self; do readlink /proc/$p/fd/* | grep -vE "^(pipe|socket|anon_inode|/dev/null|/proc/)"; done; true')).stdout).toBe('')
    })

    test('makes the runner believe in no lab that is none', async () => {
      const victim = join(folder, 'victim')
      writeFileSync(victim, 'whole')
      const forged = ['forged', lab.lab].flatMap(it => ['', 'unshare -p -f '].map(in_ =>
        `${in_}env HARDWAY_HOME=${join(folder, 'home')} HARDWAY_LAB=${it} HARDWAY_NODES=node1=2 HARDWAY_STARTED=1 HARDWAY_CGROUPS=/proc/self/root/tmp/group /tmp/catatonit 600 &`))
      await lab.sh(`mkdir -p /tmp/group/node1; ln -s ${victim} /tmp/group/node1/cgroup.procs; cp "$(command -v sleep)" /tmp/catatonit\n${forged.join('\n')}\ndisown -a`)
      await eventually(() => lab.sh('pgrep -cx catatonit'), ({ stdout }) => Number(stdout) >= 5)
      expect((await provider.running()).map(running => running.lab)).toEqual([])
      expect(await provider.nodes('forged')).toEqual([])
      expect((await provider.nodes(lab.lab)).map(node => node.name)).toEqual(['node1', 'node2', 'fabric'])
      await provider.down('forged')
      await provider.leftovers({ remove: true })
      expect(readFileSync(victim, 'utf8')).toBe('whole')
      expect((await lab.sh('pkill -f ^/tmp/catatonit; echo alive')).stdout).toBe('alive\n')
    })

    test('leaves the host as it was: links, mounts, rules, cgroups, processes, sysctls', async () => {
      await lab[Symbol.asyncDispose]()
      expect(await provider.leftovers({ remove: false })).toEqual([])
      expect(await hostState(join(folder, 'home'))).toEqual(host)
    })
  })
}

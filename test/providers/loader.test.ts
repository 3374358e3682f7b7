// What the root of a node with a loader has won by it: to load BPF programs, and none that reads what is not the node's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chosen } from '../helpers/chosen.ts'
import { nodesOn, startLab, type StartedLab } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

/** A program that calls one of the kernel's helpers; the way that bytes of the kernel's memory would take is number 113. */
const program = (call: string): string => `
static long (*const read)(void *to, int size, const void *from) = (void *)113;
static unsigned (*const chance)(void) = (void *)7;
char licence[] __attribute__((section("license"), used)) = "GPL";
__attribute__((section("tc"), used)) int program(void *packet) { long it = 0; ${call}; return it; }`
const compiled = (name: string, call: string): string => `cd /root; cat >${name}.c <<'END'\n${program(call)}\nEND\nbpf-gcc -O2 -gbtf -c ${name}.c`
const LOADER = '$(pgrep -f lib/hardway/loader$)'
/** As far as a kernel and the rights of whoever starts nodes allow: what is said otherwise is said by \`lab doctor\`. */
const NONE = 'cat /run/no-loader 2>/dev/null'

describe.for((await providersHere()).map(({ name, because }) => [name, because] as const))('A node with a loader, %s', ([name, because]) => {
  describe.skipIf(because !== undefined)(because ?? 'here', () => {
    let lab: StartedLab
    let none: string
    beforeAll(async () => {
      const provider = await chosen(name)
      await provider.prepare({ say: () => {} })
      const { nodes, ...rest } = nodesOn(2)
      lab = await startLab(provider, { ...rest, nodes: nodes.map(node => node.name === 'node1' ? { ...node, bpf: true } : node) })
      none = (await lab.sh(NONE)).stdout
    })
    afterAll(() => lab[Symbol.asyncDispose]())

    test('has programs loaded, and attaches them', async ({ skip }) => {
      skip(none !== '', none)
      const done = await lab.sh(`set -e; ${compiled('fair', 'it = chance() & 0')}; bpf-load fair.o; tc qdisc add dev lo clsact; tc filter add dev lo ingress bpf direct-action object-pinned /sys/fs/bpf/fair/program; tc filter show dev lo ingress`)
      expect(done).toMatchObject({ exitCode: 0 })
      expect(done.stdout).toContain('program:[*fsobj] direct-action')
    })

    test('reads nothing of the kernel by them', async ({ skip }) => {
      skip(none !== '', none)
      const done = await lab.sh(`${compiled('unfair', 'read(&it, 8, packet)')} && bpf-load unfair.o`)
      expect(done.exitCode).not.toBe(0)
      expect(done.stderr).toMatch(/cannot use helper bpf_probe_read/)
    })

    test('loads nothing itself, which a node without a loader does not either', async () => {
      for (const on of ['node1', 'node2']) {
        const done = await lab.sh(`${compiled('own', 'it = chance() & 0')} && bpftool prog load own.o /sys/fs/bpf/own`, { on })
        expect(done, on).not.toMatchObject({ exitCode: 0 })
        expect(done.stderr, on).toMatch(/Operation not permitted|EPERM|-1\b/)
      }
      expect((await lab.sh('bpf-load own.o', { on: 'node2' })).stderr).toMatch(/no loader|expected/)
    })

    test('does not get into the loader, whose capabilities are two', async ({ skip }) => {
      skip(none !== '', none)
      expect((await lab.sh(`grep CapBnd /proc/${LOADER}/status`)).stdout).toBe('CapBnd:\t0000008000001000\n')
      expect((await lab.sh(`nsenter -t ${LOADER} -U true`)).exitCode).not.toBe(0)
      expect((await lab.sh(`readlink /proc/${LOADER}/ns/user`)).exitCode).not.toBe(0)
      // The same of a process of the node's own.
      expect((await lab.sh('sleep 9 & readlink /proc/$!/ns/user; kill $!')).stdout).toMatch(/^user:/)
    })
  })
})

// What records must leave nothing, whoever is killed, and must see what it says that it sees.
import { describe, expect, test as plain } from 'vitest'
import { OPEN } from '../../../runner/core/bench.ts'
import { chosen } from '../../helpers/chosen.ts'
import { eventually, startLab } from '../../helpers/nodes.ts'
import { providersHere } from '../../helpers/providers.ts'

const because = (await providersHere()).find(({ name }) => name === 'embedded')?.because
const test = plain.skipIf(because !== undefined)
const RECORD = '/usr/local/lib/hardway/record'

async function lab(): Promise<Awaited<ReturnType<typeof startLab>>> {
  const provider = await chosen('embedded')
  await provider.prepare({ say: () => {} })
  return startLab(provider)
}

describe('the recorder', () => {
  test('takes its rules with it when it is killed', async () => {
    await using nodes = await lab()
    const abort = new AbortController()
    let output = ''
    async function* asks(): AsyncGenerator<string> {
      yield `rules ${(await nodes.sh('stat -L -c %i /proc/self/ns/net')).stdout.trim()} ip 1:0:08\n`
      await new Promise(() => {})
    }
    const running = nodes.node('node1').exec([RECORD], { stdin: asks(), signal: abort.signal, onStdout: text => { output += text } })
    await eventually(() => output, text => /^ruled \d+ ip$/m.test(text))
    expect((await nodes.sh('nft list ruleset')).stdout).toContain('hardway-trace')
    abort.abort()
    await running
    await eventually(async () => (await nodes.sh('nft list ruleset')).stdout, text => text === '')
  })

  test('cannot have its rules taken away by who empties all tables', async () => {
    await using nodes = await lab()
    const inode = (await nodes.sh('stat -L -c %i /proc/self/ns/net')).stdout.trim()
    const { stdout } = await nodes.sh(`mkfifo /tmp/in; ${RECORD} </tmp/in >/tmp/out & exec 3>/tmp/in; echo "rules ${inode} ip 1:0:08" >&3
      until grep -q ^ruled /tmp/out; do sleep 0.01; done; nft flush ruleset; nft list ruleset | grep -c hardway-trace; exec 3>&-; wait; nft list ruleset`)
    expect(stdout).toBe('1\n')
  })

  test('ends with its input, and counts what was counted', async () => {
    await using nodes = await lab()
    const inode = (await nodes.sh('stat -L -c %i /proc/self/ns/net')).stdout.trim()
    const { exitCode, stdout } = await nodes.sh(`{ echo "send a ${inode} icmp 192.168.1.12 7 - - abcdefabcdef"; until grep -qs '^told a' /tmp/out; do sleep 0.01; done; } | ${RECORD} >/tmp/out; code=$?; cat /tmp/out; exit $code`)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^ready \d+\nsent a 192\.168\.1\.11 7\n/)
    expect(stdout).toContain('told a answered\n')
    expect(stdout).toMatch(new RegExp(`^count ${inode} IcmpInEchoReps 0 1$`, 'm'))
    expect(stdout.endsWith('end\n')).toBe(true)
    // Out and in again, on the one interface.
    expect([...stdout.matchAll(/^frame \d+ \d+\.\d{9} \d+ ([04]) 1 \d+ [0-9a-f]{24}0800/gm)].map(([, type]) => type)).toEqual(['4', '0'])
  })

  test('says why the kernel would not send', async () => {
    await using nodes = await lab()
    const inode = (await nodes.sh('stat -L -c %i /proc/self/ns/net')).stdout.trim()
    const { stdout } = await nodes.sh(`printf 'send a %s udp 10.9.9.9 53 - - abcdefabcdef\\nsend b %s icmp 192.168.1.12 7 2000 - abcdefabcdef\\n' ${inode} ${inode} | ${RECORD}`)
    expect(stdout).toContain('unsent a 101 Network is unreachable\n')
    expect(stdout).toContain('unsent b 90 Message too long\n')
  })

  test('does not outlive whoever started it', async () => {
    await using nodes = await lab()
    const abort = new AbortController()
    let output = ''
    const running = nodes.node('node1').exec([RECORD], { stdin: OPEN, signal: abort.signal, onStdout: text => { output += text } })
    await eventually(() => output, text => text.startsWith('ready '))
    abort.abort()
    await running
    await eventually(async () => (await nodes.sh('ps -eo args=')).stdout, text => !text.includes(RECORD))
  })
})

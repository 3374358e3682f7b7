import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TellTale, type Told } from '../../runner/cli/tell-tale.ts'

function passed(...pieces: readonly string[]): { readonly out: string; readonly told: readonly Told[] } {
  const told: Told[] = []
  const taleTeller = new TellTale(one => told.push(one))
  return { out: pieces.map(piece => taleTeller.pass(piece)).join(''), told }
}

const hook = (exitCode: string, text: string): string => `\x1b]7770;${exitCode};${Buffer.from(text).toString('base64')}\x07`

test('what the hook tells is taken out, wherever the stream is cut', () => {
  const whole = `before${hook('2', 'ip route')}after`
  for (let cut = 0; cut <= whole.length; cut++) {
    expect(passed(whole.slice(0, cut), whole.slice(cut)), `cut at ${cut}`).toEqual({ out: 'beforeafter', told: [{ exitCode: 2, text: 'ip route' }] })
  }
})

test('text, colours, cursor movements, titles and links pass unchanged', () => {
  for (const text of ['plain\r\n', '\x1b[1;31mred\x1b[0m', '\x1b[2J\x1b[H', '\x1b]0;title\x07', '\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\', '\x1b(B\x1b=\x1b7', '\x1b[?1049h\x1b[6n', 'ünïcode ✓']) {
    expect(passed(text)).toEqual({ out: text, told: [] })
  }
})

test('the clipboard, device strings, files, title reports and their eight-bit forms do not pass', () => {
  for (const text of ['\x1b]52;c;b3duZWQ=\x07', '\x1bP+q544e\x1b\\', '\x1b_Gf=100;AAAA\x1b\\', '\x1b^private\x1b\\', '\x1bXstart\x1b\\', '\x1b]1337;File=name=x:AAAA\x07', '\x1b]1337;CopyToClipboard=\x07',
    '\x1b]133;A\x07', '\x1b]21;x\x07', '\x1b[21t', '\x1b[8;10;10t', '\x9d52;c;AAAA\x9c', '\x90q\x9c', '\x9b21t']) {
    expect(passed(`a${text}b`), JSON.stringify(text)).toEqual({ out: 'ab', told: [] })
  }
})

test('a forged exit status or a flood tells nothing', () => {
  expect(passed(hook('x', 'a'), hook('1234', 'b')).told).toEqual([])
  const flood = passed(`\x1b]7770;0;${'A'.repeat(200_000)}`, 'x', '\x07ok')
  expect(flood.told).toEqual([])
  expect(flood.out.length).toBeLessThan(200_000)
})

test('a told command is cut to a length that a journal can hold', () => {
  expect(passed(hook('0', 'x'.repeat(10_000))).told[0]?.text).toHaveLength(2000)
})

test('how a stream is cut never changes what passes', () => {
  const piece = fc.constantFrom('a', '\x1b', ']', '7770;', '0;', 'YQ==', '\x07', '\x1b\\', '[', '2', 'J', 't', 'P', '\x9d', '52;', '\x9c', '\n')
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
    const whole = passed(pieces.join(''))
    const cut = passed(...pieces)
    expect(cut).toEqual(whole)
  }))
})

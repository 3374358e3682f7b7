// Reads what the asker of arp-answers.ts prints: who answered for the address in question, and who is alive at all.
export interface ArpAnswers {
  /** MAC addresses that said: it is at mine. */
  readonly answers: readonly string[]
  /** MAC addresses that answered for an address which is theirs without doubt. */
  readonly alive: readonly string[]
}

export function readArpAnswers(output: string): ArpAnswers {
  const found = { answers: new Set<string>(), alive: new Set<string>() }
  for (const line of output.split('\n').filter(Boolean)) {
    const [, kind, mac] = /^(answers|alive) ([\da-f]{2}(?::[\da-f]{2}){5})$/.exec(line) ?? []
    if ((kind !== 'answers' && kind !== 'alive') || mac === undefined) throw new Error(`expected who answered, and got ${JSON.stringify(line.slice(0, 80))}`)
    found[kind].add(mac)
  }
  return { answers: [...found.answers], alive: [...found.alive] }
}

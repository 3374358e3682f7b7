// Reads `iptables-legacy-save -c` twice: which rule or policy that does not let through has counted meanwhile.

export interface Counted {
  readonly chain: string
  /** Undefined for a policy. */
  readonly rule: string | undefined
  /** `3 → 4`. */
  readonly counted: string
}

export function countedRules(before: string, after: string): readonly Counted[] {
  const old = read(before)
  return read(after).flatMap(({ chain, rule, count }, index) => {
    const was = old[index]
    if (was === undefined || was.chain !== chain || was.rule !== rule || count <= was.count) return []
    return [{ chain, rule, counted: `${was.count} → ${count}` }]
  })
}

interface Rule {
  readonly chain: string
  readonly rule: string | undefined
  readonly count: number
}

function read(output: string): readonly Rule[] {
  return output.split('\n').flatMap((line): Rule[] => {
    const [, policyOf, packets] = /^:(\S+) DROP \[(\d+):\d+\]$/.exec(line) ?? []
    if (policyOf !== undefined) return [{ chain: policyOf, rule: undefined, count: Number(packets) }]
    const [, count, ruleOf, rule] = /^\[(\d+):\d+\] -A (\S+) (.*)$/.exec(line) ?? []
    return ruleOf === undefined || rule === undefined || !/-j (DROP|REJECT)\b/.test(rule) ? [] : [{ chain: ruleOf, rule, count: Number(count) }]
  })
}

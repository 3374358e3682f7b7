import { Usage } from '../../core/mistake.ts'
import type { Difference } from '../../engine/diff/difference.ts'
import { diff, type Diff } from '../../engine/diff/index.ts'
import { session } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { coloured, json, paint, plain, remark, result } from '../print.ts'

export interface DiffOptions {
  readonly kind?: true
  readonly object?: true
  readonly command?: true
  readonly json?: true
}

/** How much is given away: how many differences, of what kind and where, which object, the command. */
const TIERS = ['count', 'kind', 'object', 'command'] as const
type Tier = (typeof TIERS)[number]

export async function diffCommand(step: string | undefined, options: DiffOptions): Promise<number> {
  const asked = TIERS.filter(tier => tier !== 'count' && options[tier])
  if (asked.length > 1) throw new Usage(`one of ${asked.map(tier => `--${tier}`).join(', ')} is enough: each says more than the one before`)
  const tier = asked[0] ?? 'count'
  const at = await session()
  const found = await interruptible(signal => diff(at, step, signal))
  if (options.json) json({ lab: at.loaded.slug, ...report(found, tier) })
  else say(found, tier)
  return found.differences.length === 0 ? 0 : 1
}

function report({ step, holds, differences }: Diff, tier: Tier): object {
  const level = TIERS.indexOf(tier)
  return {
    step, holds, count: differences.length,
    ...(level < 1 ? {} : {
      differences: differences.map(({ place, kind, how, object, have, want, commands }) => ({
        place, kind, how, ...(level < 2 ? {} : { object, have: have ?? null, want: want ?? null }), ...(level < 3 ? {} : { commands }),
      })),
    }),
  }
}

function say({ title, holds, differences }: Diff, tier: Tier): void {
  const style = paint(coloured(process.stdout))
  const number = differences.length
  if (number === 0) {
    result(style('green', plain(`No difference: your network is what the lesson makes of it up to "${title}".`)))
    if (!holds) remark('And yet not every claim holds: it is not the network, then. `npx lab check` says more.')
    return
  }
  const things = `${number} thing${number === 1 ? '' : 's'}`
  result(plain(holds ? `Your way differs from the printed one in ${things}, and every claim up to "${title}" holds.`
    : `Your network differs in ${things} from what the lesson makes of it up to "${title}".`))
  const lines = tier === 'count' ? [] : tier === 'kind' ? kinds(differences) : differences.flatMap(one => lineOf(one, tier))
  for (const line of lines) result(plain(line))
  const next = TIERS[TIERS.indexOf(tier) + 1]
  if (next !== undefined) remark(style('dim', `more: \`npx lab diff --${next}\` ${SAYS[next]}`))
}

const SAYS: Readonly<Record<Tier, string>> = { count: 'counts', kind: 'says of what kind, and where', object: 'says which', command: 'says what to type' }

/** Alike ones on one line: `node1: 2 routes are missing`. */
function kinds(differences: readonly Difference[]): readonly string[] {
  const groups = Map.groupBy(differences, ({ place, kind, how }) => `${place}: ${how} ${kind}`)
  return [...groups.values()].flatMap(group => {
    const [first] = group
    if (first === undefined) return []
    const one = group.length === 1
    const what = one ? `${/^[aeiou]/.test(first.kind) ? 'an' : 'a'} ${first.kind}` : `${group.length} ${plural(first.kind)}`
    const is = { missing: one ? 'is missing' : 'are missing', extra: one ? 'is there that should not be' : 'are there that should not be', different: one ? 'is different' : 'are different' }[first.how]
    return [`  ${first.place}: ${what} ${is}`]
  })
}

function plural(kind: string): string {
  return kind === 'filter policy' ? 'filter policies' : kind === 'forwarding entry' ? 'forwarding entries' : kind === 'address' ? 'addresses'
    : kind === 'set of a filter' ? 'sets of filters' : `${kind}s`
}

function lineOf({ place, how, object, have, want, commands }: Difference, tier: Tier): readonly string[] {
  const state = how === 'missing' ? 'is missing' : how === 'extra' ? 'should not be there' : `is ${have ?? ''}, and would be ${want ?? ''}`
  return [
    // What it would be is half of the command.
    `  ${place}: ${object} ${how === 'different' && tier === 'object' ? 'is different' : state}`,
    ...(tier === 'command' ? commands.map(({ place: where, text }) => `    ${where}# ${text}`) : []),
    ...(tier === 'command' && commands.length === 0 ? ['    comes with a process: the lesson says which'] : []),
  ]
}

// How `lab break` is spoken of: since when, and what came of it.
import type { Event } from '../core/events.ts'
import type { LoadedLab } from '../engine/course.ts'
import { stock } from '../engine/stock.ts'

export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
}

type Mended = Extract<Event, { readonly kind: 'mended' }>

/** The score, and at last what it was. */
export function mendedLines(loaded: LoadedLab, { fault, ms, commands, claims, regressions, helped }: Mended): readonly string[] {
  const was = stock(loaded)[fault]
  const took = [`in ${duration(ms)}`, `with ${count(commands, 'command')}`, ...(helped ? ['and the lab\'s own solution'] : [])].join(' ')
  return [
    `Mended ${took}: ${count(claims, 'claim')} ${claims === 1 ? 'holds' : 'hold'} again.`,
    ...(was === undefined ? [] : [`It was: ${was.name} (${was.title}).`]),
    ...(regressions.length === 0 ? ['Nothing else was broken on the way.'] : [`Broken on the way, though it had nothing to do with it: ${regressions.join('; ')}.`]),
  ]
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

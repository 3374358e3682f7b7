// How a message shows a text that somebody else wrote.
import { closest, distance } from 'fastest-levenshtein'

/** C0 and C1 controls, and the marks that make a terminal show text in another order than it has. */
export const control = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

/** The text in backquotes on one line, control characters as `\u001b`, cut when long. */
export function quoted(text: string): string {
  const cut = text.length > 160 ? `${text.slice(0, 159)}…` : text
  return `\`${cut.replaceAll(new RegExp(control, 'gu'), escaped)}\``
}

export function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Alternatives as a sentence shows them: `a`, `b` or `c`. */
export function oneOf(names: readonly string[]): string {
  const all = names.map(quoted)
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`
}

/** `red, blue and green`. */
export function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** The known name that is most like the unknown one, if one is like it at all. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const best = closest(name, [...known])
  return distance(name, best) <= Math.max(1, Math.floor(Math.max(name.length, best.length) / 2)) ? best : undefined
}

/** What was expected instead of an unknown name. */
export function nearestOf(name: string, known: readonly string[]): string {
  const best = nearest(name, known)
  if (known.length === 0) return 'none'
  if (best === undefined || known.length === 1) return oneOf(known)
  return `${oneOf(known)} (nearest: ${quoted(best)})`
}

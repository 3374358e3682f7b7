// The YAML between the `---` lines that open a lesson. Imports nothing: `lab list` must be instant.

export interface FrontMatter {
  readonly yaml: string
  readonly body: string
  /** Lines, counted from 1, that the YAML and the body begin on. */
  readonly yamlLine: number
  readonly bodyLine: number
}

/** Undefined when the text does not open with front matter, or it is not closed. */
export function splitFrontMatter(text: string): FrontMatter | undefined {
  const lines = text.split('\n')
  if (lines[0]?.trimEnd() !== '---') return undefined
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---')
  if (end === -1) return undefined
  return { yaml: lines.slice(1, end).join('\n'), body: lines.slice(end + 1).join('\n'), yamlLine: 2, bodyLine: end + 2 }
}

export interface Glance {
  readonly title: string | undefined
  readonly minutes: number | undefined
}

/** Title and minutes without a YAML parser. parseLesson refuses a lesson for which this and YAML disagree. */
export function glance(text: string): Glance {
  const yaml = splitFrontMatter(text)?.yaml ?? ''
  const value = (key: string) => new RegExp(`^${key}:[ \\t]+("(?:[^"\\\\]|\\\\.)*"|'(?:[^']|'')*'|.*?)(?:[ \\t]+#.*)?$`, 'm').exec(yaml)?.[1]?.trim()
  const title = value('title')
  const minutes = Number(value('minutes'))
  return { title: title && unquote(title).replaceAll(/\p{Cc}/gu, ''), minutes: Number.isInteger(minutes) ? minutes : undefined }
}

function unquote(text: string): string {
  if (/^'.*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'")
  return /^".*"$/.test(text) ? text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : text
}

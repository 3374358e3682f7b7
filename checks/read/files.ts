// Reads what `tail -v -n +1 FILE…` prints: several files, each below its name.

export function readFiles(text: string): ReadonlyMap<string, string> {
  const parts = text.split(/^==> (.+) <==\n/m)
  return new Map(Array.from({ length: (parts.length - 1) / 2 }, (_, index) => [parts[index * 2 + 1] ?? '', (parts[index * 2 + 2] ?? '').trimEnd()]))
}

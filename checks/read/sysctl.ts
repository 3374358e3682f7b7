// Reads `sysctl -a`: `name = value` a line.

export function readSysctl(output: string): ReadonlyMap<string, string> {
  return new Map(output.split('\n').flatMap(line => {
    const [, name, value] = /^([\w./:@-]+) = (.*)$/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [[name, value] as const]
  }))
}

// Reads /proc/PID/cmdline of several processes, a line each: arguments that end with a zero byte.

export function readCommandLines(text: string): readonly (readonly string[])[] {
  return text.split('\n').map(line => line.split('\0').slice(0, -1)).filter(argv => argv.length > 0)
}

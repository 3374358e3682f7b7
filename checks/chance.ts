// How often something happens by chance alone: tails of the binomial distribution, computed and not approximated. Pure.

/** So many of `n` that happen with probability `p` each are too few to be chance: fewer come less often than `chance`. */
export function fewest(n: number, p: number, chance: number): number {
  let [below, count] = [0, 0]
  for (;; count++) {
    below += probability(n, p, count)
    if (below > chance || count === n) return count
  }
}

/** More of them come less often than `chance`. */
export function most(n: number, p: number, chance: number): number {
  return n - fewest(n, 1 - p, chance)
}

/** That it happens just `count` times of `n`. */
export function probability(n: number, p: number, count: number): number {
  if (p <= 0 || p >= 1) return count === (p <= 0 ? 0 : n) ? 1 : 0
  return Math.exp(logFactorial(n) - logFactorial(count) - logFactorial(n - count) + count * Math.log(p) + (n - count) * Math.log1p(-p))
}

const factorials: number[] = [0]

function logFactorial(n: number): number {
  for (let next = factorials.length; next <= n; next++) factorials.push((factorials[next - 1] ?? 0) + Math.log(next))
  return factorials[n] ?? 0
}

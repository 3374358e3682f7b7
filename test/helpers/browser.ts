// A real Chromium, for pages. It asks nobody but the page: the flags end what it would ask for itself.
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

const path = PATHS.find(one => existsSync(one))
if (path === undefined && process.env['CI']) throw new Error(`Chromium must be there in CI: none of ${PATHS.join(', ')} is`)

/** Why tests with it are skipped. */
export const noBrowser = path === undefined ? 'no Chromium is installed' : undefined

export async function openBrowser(): Promise<Browser> {
  if (path === undefined) throw new Error('no Chromium is installed')
  // Its own sandbox cannot be had as root; it opens nothing here but pages of ours.
  return chromium.launch({ executablePath: path, args: process.getuid?.() === 0 ? [...FLAGS, '--no-sandbox'] : FLAGS })
}

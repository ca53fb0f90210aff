/** Whether tests may mount volumes on this machine. */
import { execFileSync } from 'node:child_process'

export const mayMount = canMount()

function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' })
    return process.getuid?.() === 0
  } catch {
    return false
  }
}

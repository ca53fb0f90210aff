/** A list of users as text: YAML of the plain kind, which is read quickest. */
import type { Finished } from './finish.ts'

export function listText(users: readonly Finished[]): string {
  if (users.length === 0) return 'users: []\n'
  return `users:\n${users.map(userText).join('')}`
}

function userText({ entry, remarks }: Finished): string {
  const [first = '', ...rest] = Object.entries(entry).map(([key, value]) => `${key}: ${valueText(value)}`)
  const comments = remarks.map(remark => `  # ${oneLine(remark)}\n`).join('')
  return `${comments}  - ${first}\n${rest.map(line => `    ${line}\n`).join('')}`
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${key}: ${valueText(item)}`)
      .join(', ')} }`
  }
  // Words that are also something else in YAML, such as `no` and `1e3`, are texts only within quotes.
  return typeof value === 'string' && /^(read|upload)-\w+$|^required$/.test(value) ? value : JSON.stringify(value)
}

// Line ends of all kinds would end the comment.
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ')
}

/** The log: one line of JSON an event, with the time as RFC 3339 and the level as a word. */
import { type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Each line is written before the call returns. */
export function createLogger(level: LogLevel, destination: { write(line: string): unknown }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { err: stdSerializers.err },
    },
    { write: line => void destination.write(line) },
  )
}

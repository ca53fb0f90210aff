/** Replies in the language of the client: RFC 2640 LANG. */
import { describe, expect, it } from 'vitest'
import type { FtpClient } from '../support/ftp-client.ts'
import { password, simpleUser } from '../support/server.ts'
import { connected, loggedIn, temporaryServer } from '../support/sessions.ts'

/** The client reads bytes; replies are in UTF-8. */
function decoded(text: string): string {
  return Buffer.from(text, 'latin1').toString()
}

async function offered(client: FtpClient): Promise<string | undefined> {
  return (await client.send('FEAT')).lines.find(line => line.startsWith(' LANG'))
}

describe('LANG', () => {
  it('moves the star in FEAT, and is reset without a tag, by REIN and by HOST', async () => {
    const client = await connected(await temporaryServer({ server: { hosts: [{ name: 'a.example' }] } }))
    expect(await offered(client)).toBe(' LANG EN*;DE;FR;ES;IT')
    await client.send('LANG de-CH')
    expect(await offered(client)).toBe(' LANG EN;DE*;FR;ES;IT')
    await client.send('LANG nl')
    expect(await offered(client)).toBe(' LANG EN;DE*;FR;ES;IT')
    for (const reset of ['LANG', 'REIN', 'HOST a.example']) {
      await client.send('LANG es')
      expect(await offered(client)).toBe(' LANG EN;DE;FR;ES*;IT')
      await client.send(reset)
      expect(await offered(client)).toBe(' LANG EN*;DE;FR;ES;IT')
    }
  })

  it('is that of the server until the client has chosen one', async () => {
    const server = await temporaryServer({ server: { language: 'fr', workers: 2 } })
    const client = await connected(server)
    expect(await offered(client)).toBe(' LANG EN;DE;FR*;ES;IT')
    expect((await client.send('PWD')).text).toBe('Veuillez vous connecter avec USER et PASS.')
    await client.send('LANG en')
    expect((await client.send('PWD')).text).toBe('Please log in with USER and PASS.')
    await client.send('LANG')
    expect((await client.send('PWD')).text).toMatch(/^Veuillez/)
  })

  it('is in force from its own reply on, at login, for transfers and at the end', async () => {
    const client = await connected(await temporaryServer())
    expect((await client.send('LANG de')).text).toBe('Antworten sind auf Deutsch.')
    expect((await client.send('USER alice')).text).toBe('Passwort erforderlich.')
    expect((await client.send('PASS wrong')).text).toBe('Anmeldung fehlgeschlagen.')
    await client.send('USER alice')
    expect((await client.send(`PASS ${password}`)).text).toBe('Angemeldet.')
    const { opening, end } = await client.upload('STOR file', 'bytes')
    expect([opening.code, opening.text]).toEqual([150, 'Bereit zum Empfang.'])
    expect([end.code, decoded(end.text)]).toEqual([226, 'Übertragung vollständig.'])
    expect((await client.send('QUIT')).text).toBe('Auf Wiedersehen.')
  })

  it('is reset by AUTH, as everything is', async () => {
    const client = await connected(await temporaryServer())
    await client.send('LANG it')
    await client.startTls()
    expect((await client.send('USER alice')).text).toBe('Password required.')
    await client.send('LANG it')
    expect((await client.send('USER alice')).text).toBe('Password richiesta.')
  })

  it('leaves codes, and what programs read, as they are', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice')] })
    const lines = [
      ...[
        'SYST',
        'PWD',
        'TYPE I',
        'MKD a"b',
        'EPSV',
        'PASV',
        'SIZE missing',
        'MLST /',
        'FEAT',
        'HELP',
        'STAT',
        'REST 5',
      ],
      ...['PBSZ 0', 'OPTS MLST type;', 'MDTM missing', 'RNFR missing', 'NOSUCH', 'CWD', 'LPRT', 'RMD a"b', 'NOOP'],
    ]
    const expected: (readonly [number, string | undefined])[] = []
    const english = await loggedIn(server)
    for (const line of lines) expected.push(shape(await english.send(line)))
    for (const language of ['de', 'fr', 'es', 'it']) {
      const client = await loggedIn(server)
      await client.send(`LANG ${language}`)
      const seen: (readonly [number, string | undefined])[] = []
      for (const line of lines) seen.push(shape(await client.send(line)))
      expect(seen).toEqual(expected)
    }
  })
})

/** The code, and what is in quotes. */
function shape({
  code,
  text,
}: {
  readonly code: number
  readonly text: string
}): readonly [number, string | undefined] {
  return [code, /^.*?("(?:[^"]|"")*")/.exec(text)?.[1]]
}

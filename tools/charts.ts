/** What the charts have that is made from the sources: values, their schema and table, and the definitions of the resources. */
import { readFile } from 'node:fs/promises'
import { operatorChartValues } from './chart-values-operator.ts'
import { valuesJsonSchema } from './chart-values-schema.ts'
import { serverChartValues } from './chart-values-server.ts'
import { valuesTable, valuesYaml } from './chart-values-text.ts'
import { type CustomResource, customResourceYaml } from './custom-resource.ts'

const values = { 'ftp-operator': operatorChartValues, 'ftp-server': serverChartValues } as const

/** By path from the root of the project. */
export async function chartFiles(resources: readonly CustomResource[]): Promise<Record<string, string>> {
  const files = Object.fromEntries(
    resources.map(resource => [
      `charts/ftp-operator/templates/crd-${String(resource.definition.spec.names['plural'])}.yaml`,
      definitionTemplate(customResourceYaml(resource)),
    ]),
  )
  for (const [chart, schema] of Object.entries(values)) {
    const readme = `charts/${chart}/README.md`
    files[`charts/${chart}/values.schema.json`] = valuesJsonSchema(schema)
    files[`charts/${chart}/values.yaml`] = `# ${note}\n\n${valuesYaml(schema)}`
    files[readme] = withTable(await readFile(readme, 'utf8'), valuesTable(schema))
  }
  return files
}

const note = 'Made by `npm run generate`; changes made here get lost.'

/** Only what the values decide is a template; the text of the definition must not be taken for one. */
function definitionTemplate(yaml: string): string {
  const text = yaml.replaceAll('{{', '{{ "{{" }}')
  const metadata = /^metadata:\n {2}name: (\S+)\n/m
  if (!metadata.test(text)) throw new Error('the definition has other metadata than its name')
  return [
    `{{- /* ${note} */ -}}`,
    '{{- if .Values.crds.enabled }}',
    text
      .replace(
        metadata,
        (_, name: string) => `metadata:
  name: ${name}
  labels:
    {{- include "ftp-operator.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`,
      )
      .trimEnd(),
    '{{- end }}',
    '',
  ].join('\n')
}

const marks = ['<!-- values: made by `npm run generate` -->', '<!-- end of values -->'] as const

function withTable(readme: string, text: string): string {
  const [begin, end] = marks
  const before = readme.split(begin)[0]
  const after = readme.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`a README of a chart lacks ${begin} and ${end}`)
  return `${before}${begin}\n\n${text}\n\n${end}${after}`
}

import type { Entity, Field, Fields, RowList } from './entity.ts'

/** The TypeScript type of a value of this field. */
type ValueOf<F extends Field> = F['kind'] extends 'text' | 'reference' | 'uuid'
  ? string
  : F['kind'] extends 'boolean'
    ? boolean
    : number

/** The names of the fields that may be absent or null. */
type OptionalName<F extends Fields> = {
  [N in keyof F]: F[N] extends { readonly nullable: true } | { readonly default: string | number | boolean }
    ? N
    : never
}[keyof F]

/** An object with the members that these fields describe; further members are allowed by the check. */
export type Members<F extends Fields> = {
  readonly [N in Exclude<keyof F, OptionalName<F>>]: ValueOf<F[N]>
} & {
  readonly [N in OptionalName<F>]?: ValueOf<F[N]> | null | undefined
}

type ListMember<E extends Entity> = E extends { readonly rows: infer R extends RowList }
  ? { readonly [N in R['member']]: readonly Members<R['fields']>[] }
  : unknown

type TypeMember<E extends Entity> = E extends { readonly typeMember: infer T extends string } ? T : E['type']

/** The document an entity describes: `Doc<typeof session>`. */
export type Doc<E extends Entity> = {
  readonly _id: string
  readonly type: TypeMember<E>
} & Members<E['fields']> &
  ListMember<E>

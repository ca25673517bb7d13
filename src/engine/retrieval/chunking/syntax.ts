// Per grammar: which nodes define something, which are comments, which are names. Tables only; symbols.ts reads trees by them.
import type { GrammarName } from "../../base/grammars.ts";

export type SymbolKind = "function" | "method" | "class" | "interface" | "type" | "enum" | "constant" | "variable" | "module";

export interface Syntax {
  /** Node type → kind of the symbol that it defines. */
  definitions: Readonly<Record<string, SymbolKind>>;
  comments: readonly string[];
  /** Leaves that name something: definitions are told apart by position. */
  identifiers: readonly string[];
  /** How the language marks what others may use. */
  exported: "exportKeyword" | "noUnderscore" | "upperCase" | "publicModifier" | "pubKeyword" | "notPrivate" | "always";
  /** Wrappers that belong to the definition inside them (decorators, export statements, templates). */
  wrappers: readonly string[];
}

const ecmaScript = {
  comments: ["comment", "html_comment"],
  exported: "exportKeyword",
  wrappers: ["export_statement", "lexical_declaration", "variable_declaration", "ambient_declaration", "expression_statement"],
} as const;

const javascriptDefinitions = {
  function_declaration: "function", generator_function_declaration: "function", class_declaration: "class",
  method_definition: "method", field_definition: "variable", variable_declarator: "constant",
} as const;

const typescriptDefinitions = {
  function_declaration: "function", generator_function_declaration: "function", function_signature: "function",
  class_declaration: "class", abstract_class_declaration: "class", method_definition: "method", method_signature: "method",
  abstract_method_signature: "method", public_field_definition: "variable", property_signature: "variable",
  interface_declaration: "interface", type_alias_declaration: "type", enum_declaration: "enum", internal_module: "module", module: "module",
  variable_declarator: "constant",
} as const;

const typescriptIdentifiers = ["identifier", "type_identifier", "property_identifier", "shorthand_property_identifier", "private_property_identifier"];

export const SYNTAX: Readonly<Record<GrammarName, Syntax>> = {
  javascript: {
    ...ecmaScript, definitions: javascriptDefinitions,
    identifiers: ["identifier", "property_identifier", "shorthand_property_identifier", "private_property_identifier"],
  },
  typescript: { ...ecmaScript, definitions: typescriptDefinitions, identifiers: typescriptIdentifiers },
  tsx: { ...ecmaScript, definitions: typescriptDefinitions, identifiers: typescriptIdentifiers },
  python: {
    definitions: { function_definition: "function", class_definition: "class", assignment: "variable", type_alias_statement: "type" },
    comments: ["comment"], identifiers: ["identifier"], exported: "noUnderscore", wrappers: ["decorated_definition", "expression_statement"],
  },
  go: {
    definitions: {
      function_declaration: "function", method_declaration: "method", type_spec: "type", type_alias: "type",
      const_spec: "constant", var_spec: "variable", method_elem: "method", field_declaration: "variable",
    },
    comments: ["comment"], identifiers: ["identifier", "type_identifier", "field_identifier", "package_identifier"],
    exported: "upperCase", wrappers: ["type_declaration", "const_declaration", "var_declaration"],
  },
  java: {
    definitions: {
      class_declaration: "class", interface_declaration: "interface", enum_declaration: "enum", record_declaration: "class",
      annotation_type_declaration: "interface", method_declaration: "method", constructor_declaration: "method", field_declaration: "variable",
    },
    comments: ["line_comment", "block_comment"], identifiers: ["identifier", "type_identifier"], exported: "publicModifier", wrappers: [],
  },
  rust: {
    definitions: {
      function_item: "function", function_signature_item: "function", struct_item: "class", union_item: "class", enum_item: "enum",
      trait_item: "interface", impl_item: "module", type_item: "type", const_item: "constant", static_item: "variable", mod_item: "module",
      macro_definition: "function", field_declaration: "variable",
    },
    comments: ["line_comment", "block_comment"], identifiers: ["identifier", "type_identifier", "field_identifier"],
    exported: "pubKeyword", wrappers: [],
  },
  cpp: {
    definitions: {
      function_definition: "function", class_specifier: "class", struct_specifier: "class", union_specifier: "class", enum_specifier: "enum",
      namespace_definition: "module", type_definition: "type", alias_declaration: "type", preproc_def: "constant", preproc_function_def: "function",
      declaration: "variable", field_declaration: "variable", concept_definition: "type",
    },
    comments: ["comment"], identifiers: ["identifier", "type_identifier", "field_identifier", "namespace_identifier"],
    exported: "always", wrappers: ["template_declaration", "linkage_specification"],
  },
  "c-sharp": {
    definitions: {
      class_declaration: "class", struct_declaration: "class", record_declaration: "class", interface_declaration: "interface",
      enum_declaration: "enum", method_declaration: "method", constructor_declaration: "method", property_declaration: "variable",
      delegate_declaration: "type", namespace_declaration: "module", file_scoped_namespace_declaration: "module", local_function_statement: "function",
      variable_declarator: "variable",
    },
    comments: ["comment"], identifiers: ["identifier"], exported: "publicModifier", wrappers: ["field_declaration", "variable_declaration"],
  },
  ruby: {
    definitions: { method: "method", singleton_method: "method", class: "class", module: "module", assignment: "constant" },
    comments: ["comment"], identifiers: ["identifier", "constant", "instance_variable"], exported: "always", wrappers: [],
  },
  php: {
    definitions: {
      function_definition: "function", method_declaration: "method", class_declaration: "class", interface_declaration: "interface",
      trait_declaration: "class", enum_declaration: "enum", const_element: "constant", property_element: "variable",
    },
    comments: ["comment"], identifiers: ["name", "variable_name"], exported: "notPrivate", wrappers: ["const_declaration", "property_declaration"],
  },
  css: {
    definitions: { keyframes_statement: "constant" },
    comments: ["comment"], identifiers: ["class_name", "id_name", "property_name"], exported: "always", wrappers: [],
  },
  bash: {
    definitions: { function_definition: "function", variable_assignment: "variable" },
    comments: ["comment"], identifiers: ["word", "variable_name", "command_name"], exported: "always", wrappers: [],
  },
  powershell: {
    definitions: { function_statement: "function", class_statement: "class", class_method_definition: "method", enum_statement: "enum" },
    comments: ["comment"], identifiers: ["command_name", "variable", "simple_name"], exported: "always", wrappers: [],
  },
};

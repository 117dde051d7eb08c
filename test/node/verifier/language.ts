import { parseAst } from "vitest/node";

/** The syntax of njs 0.7.9 and CloudFront Functions, as ESTree names it: ES 5.1, arrow functions, template literals, let, const. */
const allowed = new Set([
  ...["Program", "ImportDeclaration", "ImportSpecifier", "ExportNamedDeclaration"],
  ...["VariableDeclaration", "VariableDeclarator", "FunctionDeclaration", "ReturnStatement", "ExpressionStatement"],
  ...[
    "BlockStatement",
    "IfStatement",
    "ForStatement",
    "WhileStatement",
    "DoWhileStatement",
    "TryStatement",
    "CatchClause",
  ],
  ...["Identifier", "Literal", "TemplateLiteral", "TemplateElement", "ObjectExpression", "Property", "ArrayExpression"],
  ...["ArrowFunctionExpression", "CallExpression", "MemberExpression", "ConditionalExpression", "LogicalExpression"],
  ...["BinaryExpression", "UnaryExpression", "AssignmentExpression", "UpdateExpression", "SequenceExpression"],
]);

export interface Node {
  readonly type: string;
  readonly [member: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof Object(value).type === "string";

/** Nodes outside the subset. Types are left out: they are gone before an edge reads the code. */
export function strays(node: Node): readonly string[] {
  if (/^TS/.test(node.type)) return [];
  const own = faultIn(node);
  const children = Object.values(node)
    .flat()
    .filter(isNode)
    .flatMap((child) => strays(child));
  return own === undefined ? children : [own, ...children];
}

function faultIn(node: Node): string | undefined {
  if (!allowed.has(node.type)) return node.type;
  if (node.async === true || node.generator === true) return `${node.type} that is async or a generator`;
  if (node.operator === "??" || node.operator === "**" || /^(?:&&|\|\||\?\?|\*\*)=$/.test(String(node.operator)))
    return `operator ${node.operator}`;
  if (node.optional === true && node.type !== "Identifier") return "optional chaining";
  if (node.type === "Property" && (node.computed === true || node.method === true || node.kind !== "init"))
    return "computed member or method";
  if (typeof node.bigint === "string") return "big integer";
  if (node.type === "CatchClause" && node.param === null) return "catch without a name";
  const regex = Object(node.regex);
  if (/[^gim]/.test(regex.flags ?? "") || /\(\?(?:<|[^:=!])|\\[pk]/.test(regex.pattern ?? ""))
    return "regular expression";
  return undefined;
}

export const parse = (code: string, lang: "ts" | "js"): Node => Object(parseAst(code, { lang }));

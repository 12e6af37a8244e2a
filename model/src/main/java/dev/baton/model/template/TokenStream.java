package dev.baton.model.template;

import dev.baton.model.template.Token.Kind;
import java.util.List;

/** The tokens of a template, read once from front to back with one token of look-ahead. */
final class TokenStream {
  private final List<Token> tokens;
  private int at;

  TokenStream(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token look() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  /** The current token, which is then left behind; the end stays where it is. */
  Token next() {
    Token token = current();
    if (at < tokens.size() - 1) {
      at++;
    }
    return token;
  }

  boolean skipName(String name) {
    boolean found = current().isName(name);
    if (found) {
      next();
    }
    return found;
  }

  boolean skipOperator(String operator) {
    boolean found = current().isOperator(operator);
    if (found) {
      next();
    }
    return found;
  }

  Token expect(Kind kind) {
    if (!current().is(kind)) {
      throw expected(new Token(kind, kind == Kind.NAME ? "name" : "", 0).describe());
    }
    return next();
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw expected("'" + name + "'");
    }
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw expected("'" + operator + "'");
    }
  }

  private TemplateException expected(String what) {
    return fail("expected " + what + ", got " + current().describe());
  }

  TemplateException fail(String message) {
    return TemplateException.of(message).atLine(current().line());
  }
}

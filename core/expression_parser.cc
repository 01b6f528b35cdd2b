#include "core/expression_parser.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/expression_builder.h"
#include "core/limits.h"
#include "core/utf8.h"
#include "tao/pegtl.hpp"

namespace swoosh::expression_internal {
namespace {

namespace pegtl = tao::pegtl;

// The grammar, from tokens to the whole. It never goes back over an operand that was built: where
// an alternative has begun it either matches or fails for good, by throwing.
namespace grammar {

// Fails for good.
template <auto kFail>
struct fails {
  template <pegtl::apply_mode kApply, pegtl::rewind_mode kRewind,
            template <typename...> class Action, template <typename...> class Control,
            typename Input>
  static bool match(Input& in, Builder& builder) {
    kFail(builder, in.position().byte);
    return false;
  }
};

void FailOperand(const Builder& builder, size_t offset) { builder.FailOperand(offset); }
void FailOperator(const Builder& builder, size_t offset) { builder.FailOperator(offset); }
void FailField(const Builder& builder, size_t offset) {
  builder.Fail(offset, "expected a field's name after '.'");
}
void FailString(const Builder& builder, size_t) {
  builder.Fail(builder.string_offset(), "the string does not end on its line");
}
void FailEscape(const Builder& builder, size_t offset) {
  builder.Fail(offset - 1, "an unknown or incomplete escape sequence");
}
template <char kClose>
void FailClose(const Builder& builder, size_t offset) {
  builder.FailClose(offset, kClose);
}

void FailMapColon(const Builder& builder, size_t offset) {
  builder.FailColon(offset, "the key of a map's member");
}
void FailChoiceColon(const Builder& builder, size_t offset) {
  builder.FailColon(offset, "CONDITION ? VALUE");
}

struct operand_expected : fails<FailOperand> {};
struct operator_expected : fails<FailOperator> {};
struct field_expected : fails<FailField> {};
struct string_unterminated : fails<FailString> {};
struct escape_unknown : fails<FailEscape> {};
template <char kClose>
struct close_expected : fails<FailClose<kClose>> {};

// Matches Rule, one level deeper.
template <typename Rule>
struct deeper {
  template <pegtl::apply_mode kApply, pegtl::rewind_mode kRewind,
            template <typename...> class Action, template <typename...> class Control,
            typename Input>
  static bool match(Input& in, Builder& builder) {
    builder.Enter(in.position().byte);
    const bool matched = pegtl::match<Rule, kApply, kRewind, Action, Control>(in, builder);
    builder.Leave();
    return matched;
  }
};

struct comment : pegtl::seq<pegtl::two<'/'>, pegtl::until<pegtl::eolf>> {};
struct skip : pegtl::star<pegtl::sor<pegtl::space, comment>> {};

template <char kBracket>
struct open_symbol : pegtl::one<kBracket> {};
template <char kBracket>
struct open : pegtl::seq<open_symbol<kBracket>, skip> {};
template <char kBracket>
struct close_symbol : pegtl::one<kBracket> {};
template <char kBracket>
struct close : pegtl::seq<close_symbol<kBracket>, skip> {};
template <char kBracket>
struct must_close : pegtl::sor<close<kBracket>, close_expected<kBracket>> {};
struct comma_symbol : pegtl::one<','> {};
struct comma : pegtl::seq<comma_symbol, skip> {};
struct colon_symbol : pegtl::one<':'> {};
struct mark : pegtl::success {};

struct exponent : pegtl::seq<pegtl::one<'e', 'E'>, pegtl::opt<pegtl::one<'+', '-'>>,
                             pegtl::plus<pegtl::digit>> {};
struct fraction : pegtl::seq<pegtl::one<'.'>, pegtl::plus<pegtl::digit>> {};
struct hexadecimal : pegtl::seq<pegtl::one<'0'>, pegtl::one<'x', 'X'>, pegtl::plus<pegtl::xdigit>> {
};
struct decimal : pegtl::seq<pegtl::plus<pegtl::digit>, pegtl::opt<fraction>, pegtl::opt<exponent>> {
};
struct number_token : pegtl::sor<hexadecimal, decimal, pegtl::seq<fraction, pegtl::opt<exponent>>> {
};
struct number : pegtl::seq<number_token, skip> {};

struct simple_escape : pegtl::one<'a', 'b', 'f', 'n', 'r', 't', 'v', '\\', '?', '"', '\'', '`'> {};
struct hex_digits_2 : pegtl::rep<2, pegtl::xdigit> {};
struct hex_digits_4 : pegtl::rep<4, pegtl::xdigit> {};
struct hex_digits_8 : pegtl::rep<8, pegtl::xdigit> {};
struct octal_digits : pegtl::seq<pegtl::range<'0', '3'>, pegtl::rep<2, pegtl::range<'0', '7'>>> {};
struct escape
    : pegtl::seq<
          pegtl::one<'\\'>,
          pegtl::sor<simple_escape, octal_digits, pegtl::seq<pegtl::one<'x', 'X'>, hex_digits_2>,
                     pegtl::seq<pegtl::one<'u'>, hex_digits_4>,
                     pegtl::seq<pegtl::one<'U'>, hex_digits_8>, escape_unknown>> {};
struct quote : pegtl::success {};
template <char kQuote>
struct cooked_bytes : pegtl::plus<pegtl::not_one<kQuote, '\\', '\n', '\r'>> {};
template <char kQuote>
struct raw_bytes : pegtl::plus<pegtl::not_one<kQuote, '\n', '\r'>> {};
template <char kQuote>
struct string_end : pegtl::sor<pegtl::one<kQuote>, string_unterminated> {};
template <char kQuote>
struct string_start : pegtl::one<kQuote> {};
template <char kQuote>
struct raw_string_start : pegtl::seq<pegtl::one<'r', 'R'>, pegtl::one<kQuote>> {};
template <char kQuote>
struct cooked_string
    : pegtl::seq<string_start<kQuote>, pegtl::star<pegtl::sor<escape, cooked_bytes<kQuote>>>,
                 string_end<kQuote>> {};
template <char kQuote>
struct raw_string
    : pegtl::seq<raw_string_start<kQuote>, pegtl::opt<raw_bytes<kQuote>>, string_end<kQuote>> {};
struct string_token
    : pegtl::sor<cooked_string<'\''>, cooked_string<'"'>, raw_string<'\''>, raw_string<'"'>> {};
struct string : pegtl::seq<string_token, skip> {};

struct name_token : pegtl::identifier {};
struct name : pegtl::seq<name_token, skip> {};

struct expression;
struct nested : deeper<expression> {};

struct items : pegtl::list<nested, comma> {};
// For lists and maps: a comma may also follow the last item.
struct trailing_comma : pegtl::opt<comma> {};
struct arguments
    : pegtl::seq<open<'('>, mark, pegtl::sor<close<')'>, pegtl::seq<items, must_close<')'>>>> {};
struct item_more : pegtl::seq<comma, pegtl::not_at<pegtl::one<']'>>, nested> {};
struct list : pegtl::seq<open<'['>, mark,
                         pegtl::sor<close<']'>, pegtl::seq<nested, pegtl::star<item_more>,
                                                           trailing_comma, must_close<']'>>>> {};
struct map_colon : pegtl::sor<colon_symbol, fails<FailMapColon>> {};
struct member : pegtl::seq<nested, map_colon, skip, nested> {};
struct member_more : pegtl::seq<comma, pegtl::not_at<pegtl::one<'}'>>, member> {};
struct map : pegtl::seq<open<'{'>, mark,
                        pegtl::sor<close<'}'>, pegtl::seq<member, pegtl::star<member_more>,
                                                          trailing_comma, must_close<'}'>>>> {};
struct parentheses : pegtl::seq<open<'('>, mark, nested, must_close<')'>> {};

struct call : pegtl::seq<arguments> {};
struct plain_name : pegtl::success {};
struct name_or_call : pegtl::seq<name, pegtl::sor<call, plain_name>> {};
struct primary
    : pegtl::sor<number, string, name_or_call, parentheses, list, map, operand_expected> {};

struct method : pegtl::seq<arguments> {};
struct plain_field : pegtl::success {};
struct dot_symbol : pegtl::one<'.'> {};
struct field_or_method : pegtl::seq<dot_symbol, skip, pegtl::sor<name, field_expected>,
                                    pegtl::sor<method, plain_field>> {};
struct index : pegtl::seq<open<'['>, mark, nested, must_close<']'>> {};
struct access : pegtl::seq<primary, pegtl::star<pegtl::sor<field_or_method, index>>> {};

struct unary;
struct unary_symbol : pegtl::one<'!', '-'> {};
struct prefixed : pegtl::seq<unary_symbol, skip, deeper<unary>> {};
struct unary : pegtl::sor<prefixed, access> {};

struct binary_end : pegtl::success {};
struct multiply_symbol : pegtl::one<'*', '/', '%'> {};
struct product : pegtl::seq<unary, pegtl::star<multiply_symbol, skip, unary, binary_end>> {};
struct add_symbol : pegtl::one<'+', '-'> {};
struct sum : pegtl::seq<product, pegtl::star<add_symbol, skip, product, binary_end>> {};
struct relation_symbol
    : pegtl::sor<pegtl::string<'<', '='>, pegtl::string<'>', '='>, pegtl::string<'=', '='>,
                 pegtl::string<'!', '='>, pegtl::one<'<', '>'>, pegtl::keyword<'i', 'n'>> {};
struct relation : pegtl::seq<sum, pegtl::star<relation_symbol, skip, sum, binary_end>> {};
struct and_symbol : pegtl::string<'&', '&'> {};
struct and_end : pegtl::success {};
struct conjunction : pegtl::seq<mark, relation, pegtl::star<and_symbol, skip, relation>, and_end> {
};
struct or_symbol : pegtl::string<'|', '|'> {};
struct or_end : pegtl::success {};
struct disjunction
    : pegtl::seq<mark, conjunction, pegtl::star<or_symbol, skip, conjunction>, or_end> {};
struct question_symbol : pegtl::one<'?'> {};
struct choice_colon : pegtl::sor<colon_symbol, fails<FailChoiceColon>> {};
struct choice : pegtl::seq<question_symbol, skip, disjunction, choice_colon, skip, nested> {};
struct expression : pegtl::seq<disjunction, pegtl::opt<choice>> {};
struct whole : pegtl::seq<skip, expression, pegtl::sor<pegtl::eof, operator_expected>> {};

}  // namespace grammar

template <typename Rule>
struct Action : pegtl::nothing<Rule> {};

template <typename Input>
absl::string_view TextOf(const Input& in) {
  return absl::string_view(in.begin(), in.size());
}
template <typename Input>
size_t BeginOf(const Input& in) {
  return in.position().byte;
}
template <typename Input>
size_t EndOf(const Input& in) {
  return in.position().byte + in.size();
}

struct SymbolAction {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.Token(TextOf(in), EndOf(in));
  }
};
struct OperatorAction {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.PushOperator(TextOf(in), BeginOf(in));
  }
};
template <auto kFunction>
struct CallAction {
  static void apply0(Builder& builder) { (builder.*kFunction)(); }
};

template <char kBracket>
struct Action<grammar::open_symbol<kBracket>> {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.Open(BeginOf(in));
  }
};
template <char kBracket>
struct Action<grammar::close_symbol<kBracket>> : SymbolAction {};
template <>
struct Action<grammar::comma_symbol> : SymbolAction {};
template <>
struct Action<grammar::colon_symbol> : SymbolAction {};
template <>
struct Action<grammar::dot_symbol> : SymbolAction {};
template <>
struct Action<grammar::unary_symbol> : OperatorAction {};
template <>
struct Action<grammar::multiply_symbol> : OperatorAction {};
template <>
struct Action<grammar::add_symbol> : OperatorAction {};
template <>
struct Action<grammar::relation_symbol> : OperatorAction {};
template <>
struct Action<grammar::and_symbol> : OperatorAction {};
template <>
struct Action<grammar::or_symbol> : OperatorAction {};
template <>
struct Action<grammar::question_symbol> : OperatorAction {};

template <>
struct Action<grammar::mark> : CallAction<&Builder::Mark> {};
template <>
struct Action<grammar::plain_name> : CallAction<&Builder::AddName> {};
template <>
struct Action<grammar::call> : CallAction<&Builder::AddCall> {};
template <>
struct Action<grammar::arguments> : CallAction<&Builder::Close> {};
template <>
struct Action<grammar::plain_field> : CallAction<&Builder::AddField> {};
template <>
struct Action<grammar::method> : CallAction<&Builder::AddMethod> {};
template <>
struct Action<grammar::index> : CallAction<&Builder::AddIndex> {};
template <>
struct Action<grammar::list> : CallAction<&Builder::AddList> {};
template <>
struct Action<grammar::map> : CallAction<&Builder::AddMap> {};
template <>
struct Action<grammar::parentheses> : CallAction<&Builder::Parenthesise> {};
template <>
struct Action<grammar::prefixed> : CallAction<&Builder::AddUnary> {};
template <>
struct Action<grammar::binary_end> : CallAction<&Builder::AddBinary> {};
template <>
struct Action<grammar::choice> : CallAction<&Builder::AddConditional> {};
template <>
struct Action<grammar::and_end> {
  static void apply0(Builder& builder) { builder.AddChain(Op::kAnd); }
};
template <>
struct Action<grammar::or_end> {
  static void apply0(Builder& builder) { builder.AddChain(Op::kOr); }
};

template <>
struct Action<grammar::number_token> {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.AddNumber(TextOf(in), BeginOf(in));
  }
};
template <>
struct Action<grammar::name_token> {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.PushName(TextOf(in), BeginOf(in));
  }
};

struct StringStartAction {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.StartString(BeginOf(in));
  }
};
struct StringBytesAction {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.string()->append(in.begin(), in.size());
  }
};
template <int kBase>
struct CodePointAction {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    uint32_t code_point = 0;
    for (const char c : TextOf(in)) {
      const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      code_point = code_point * kBase + static_cast<uint32_t>(digit);
    }
    if (!AppendCodePoint(code_point, builder.string())) {
      builder.Fail(BeginOf(in), absl::StrCat("U+", TextOf(in), " is no Unicode character"));
    }
  }
};
template <char kQuote>
struct Action<grammar::string_start<kQuote>> : StringStartAction {};
template <char kQuote>
struct Action<grammar::raw_string_start<kQuote>> : StringStartAction {};
template <char kQuote>
struct Action<grammar::cooked_bytes<kQuote>> : StringBytesAction {};
template <char kQuote>
struct Action<grammar::raw_bytes<kQuote>> : StringBytesAction {};
template <>
struct Action<grammar::hex_digits_2> : CodePointAction<16> {};
template <>
struct Action<grammar::hex_digits_4> : CodePointAction<16> {};
template <>
struct Action<grammar::hex_digits_8> : CodePointAction<16> {};
template <>
struct Action<grammar::octal_digits> : CodePointAction<8> {};
template <>
struct Action<grammar::simple_escape> {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    static constexpr absl::string_view kLetters = "abfnrtv";
    static constexpr absl::string_view kMeant = "\a\b\f\n\r\t\v";
    const char c = *in.begin();
    const size_t at = kLetters.find(c);
    builder.string()->push_back(at == absl::string_view::npos ? c : kMeant[at]);
  }
};
template <>
struct Action<grammar::string_token> {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.AddString(EndOf(in));
  }
};

}  // namespace

absl::StatusOr<Program> ParseProgram(absl::string_view text) {
  if (text.size() > kExpressionBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the expression has ", text.size(),
                                                   " bytes, more than ", kExpressionBytesMax));
  }
  if (!IsValidUtf8(text)) {
    return absl::InvalidArgumentError("the expression is not valid UTF-8");
  }
  Builder builder(text);
  pegtl::memory_input<> in(text.data(), text.size(), "");
  try {
    if (!pegtl::parse<grammar::whole, Action>(in, builder)) {
      return ErrorAt(text, in.position().byte, "not an expression");
    }
  } catch (const SyntaxError& error) {
    return ErrorAt(text, error.offset, error.message);
  }
  return std::move(builder).Finish();
}

}  // namespace swoosh::expression_internal

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "locus/explainer.hpp"

namespace locus {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::vector<std::string> labels{"tabby, tabby cat",   "Egyptian cat", "crane",
                                      "tench, Tinca tinca", "crane",        "cat"};

int index_of(const std::string& request) {
    const ClassRequest found = ClassRequest::parse(request, labels);
    EXPECT_FALSE(found.top_k);
    return found.index.value_or(-1);
}

std::string refusal(const std::string& request, const std::vector<std::string>& names = labels) {
    return test::error_of([&] { ClassRequest::parse(request, names); });
}

TEST(ClassRequest, IsAnIndexALabelOrOneOfItsNames) {
    EXPECT_EQ(index_of("281"), 281);  // whether the model has it is not asked here
    EXPECT_EQ(index_of("0"), 0);
    EXPECT_EQ(index_of("tabby, tabby cat"), 0);
    EXPECT_EQ(index_of("Tabby Cat"), 0);
    EXPECT_EQ(index_of(" tinca tinca "), 3);
    EXPECT_EQ(index_of("egyptian cat"), 1);
    EXPECT_EQ(index_of("cat"), 5);  // a whole name, though others hold the word
}

TEST(ClassRequest, AsksForTheBest) {
    EXPECT_EQ(ClassRequest::parse("top:3", {}).top_k, 3);
    EXPECT_FALSE(ClassRequest::parse("top:3", {}).index);
    for (const char* wrong : {"top:0", "top:-1", "top:", "top:two", "top:1.5", "top:99999999999"})
        EXPECT_THAT(refusal(wrong), AllOf(StartsWith("usage: "), HasSubstr(wrong), HasSubstr("top:5")));
}

TEST(ClassRequest, ALabelOfSeveralClassesListsTheirIndices) {
    EXPECT_EQ(refusal("crane"),
              "usage: 'crane' names several classes: 2 (crane), 4 (crane); give one of these indices");
    EXPECT_EQ(refusal("kite", {"kite, bird", "kite, toy"}),
              "usage: 'kite' names several classes: 0 (kite, bird), 1 (kite, toy); give one of these indices");
    // The whole label comes before a part of another.
    EXPECT_EQ(ClassRequest::parse("kite", {"kite, bird", "kite"}).index, 1);
}

TEST(ClassRequest, NothingIsNoClass) {
    for (const char* nothing : {"", " ", "\t\n"})
        EXPECT_EQ(refusal(nothing), "usage: no class is named: give an index, a label or top:5, say");
}

TEST(ClassRequest, IsShortenedInSentences) {
    const std::string long_one(100'000, 'a');
    for (const std::string& request : {long_one, "top:" + long_one, long_one + ",1"})
        EXPECT_LT(refusal(request).size(), 400U);
    EXPECT_LT(refusal(long_one, {}).size(), 400U);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += (i == 0 ? "" : ",") + std::to_string(i);
    EXPECT_THAT(refusal(many), AllOf(HasSubstr("write -c 0 -c 1"), Not(HasSubstr("-c 9 ")), HasSubstr("…")));
    EXPECT_LT(refusal(many).size(), 400U);
}

TEST(ClassRequest, AnUnknownLabelNamesTheNearest) {
    EXPECT_THAT(refusal("taby"), AllOf(StartsWith("usage: the model has no class 'taby'; did you mean 'tabby'"),
                                       Not(HasSubstr("tinca"))));
    EXPECT_THAT(refusal("-1"), AllOf(StartsWith("usage: "), HasSubstr("count from 0")));
    EXPECT_THAT(refusal("tabby", {}), AllOf(StartsWith("usage: "), HasSubstr("the model has no labels")));
}

}  // namespace
}  // namespace locus

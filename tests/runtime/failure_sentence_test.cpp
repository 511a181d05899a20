#include "runtime/failure_sentence.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/session.hpp"

namespace locus::runtime {
namespace {

using testing::EndsWith;

TEST(FailureSentence, OfAPassNamesTheNodeAndNoPlaceInTheRuntimesSource) {
    EXPECT_EQ(run_failure("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running "
                          "Reshape node. Name:'bad' Status Message: /src/core/reshape_helper.h:91 "
                          "ns::ReshapeHelper::ReshapeHelper(const ns::TensorShape&, bool) size == wanted was false. "
                          "The tensor cannot be reshaped. Input shape:{1,8}, requested shape:{1,9}\nmore\n"),
              "the network fails on this input at Reshape (node 'bad'): The tensor cannot be reshaped. Input "
              "shape:{1,8}, requested shape:{1,9}");
    EXPECT_EQ(run_failure("Non-zero status code returned while running Add node. Name:'' Status Message: no way."),
              "the network fails on this input at Add: no way");
    EXPECT_EQ(run_failure("[ONNXRuntimeError] : 1 : FAIL : it is not to be"),
              "the network fails on this input: it is not to be");
}

TEST(FailureSentence, SignaturesOfEveryShapeAreLeftOut) {
    for (const std::string signature : {
             "void f()",
             "virtual ns::Status ns::K<T>::Compute(ns::Context*) const",
             "ns::K<T>::operator()(int) const::<lambda(std::ptrdiff_t)>",
             "ns::Status f(const T&, std::function<void(int, int)>) [with T = std::vector<int, long>]",
             "ns::Status f(int) const [with T = float; U = ns::g(int)]",
             "T ns::f(int) noexcept",
         }) {
        EXPECT_THAT(load_failure("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : /a/b-c/d_e.cc:2196 " + signature +
                                 " n == 1 was false. There should be one. Got:2"),
                    EndsWith("refuses the model: There should be one. Got:2"));
        EXPECT_THAT(load_failure("/a/b.cc:1 " + signature + " why not"), EndsWith("refuses the model: why not"));
    }
}

TEST(FailureSentence, AConditionStaysWhereNothingElseIsSaid) {
    EXPECT_THAT(load_failure("/a/b.cc:1 void f(int) n == 1 was false."),
                EndsWith("refuses the model: n == 1 was false"));
}

TEST(FailureSentence, PathsThatAreNoSourceStay) {
    EXPECT_THAT(load_failure("cannot open /a/weights.bin"), EndsWith("refuses the model: cannot open /a/weights.bin"));
}

}  // namespace
}  // namespace locus::runtime

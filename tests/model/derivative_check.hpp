#pragma once

/// Checks of the derivative on small graphs, by numbers that only the forward pass gives.
///
///     Graph g;
///     std::string y = g.node("Tanh", {g.input({-1, 3, 4})});
///     g.expect_gradient(y);       // <w, J d> by a four-point difference of the forward pass, against <J'w, d>
///     g.expect_linear(y);         // <J u, v> = <u, J'v>, for rules without a formula in the input

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "model/derivative.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/opset.hpp"
#include "runtime/observe_shapes.hpp"
#include "runtime/session.hpp"

namespace locus::test {

using Ints = std::vector<std::int64_t>;
using Attributes = std::map<std::string, model::Attribute>;

/// One number of a given generator for each element.
inline Tensor filled(Shape shape, const std::function<float()>& next) {
    Tensor tensor(DataType::float32, std::move(shape));
    for (float& value : tensor.mutable_values<float>()) value = next();
    return tensor;
}

inline double dot(const Tensor& a, const Tensor& b) {
    EXPECT_EQ(a.shape(), b.shape());
    if (a.shape() != b.shape()) return NAN;
    double sum = 0;
    for (std::int64_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a.values<float>()[i]) * b.values<float>()[i];
    return sum;
}

inline double norm(const Tensor& a) { return std::sqrt(dot(a, a)); }

inline Tensor moved(const Tensor& x, const Tensor& direction, double by) {
    Tensor result = x;
    const auto values = result.mutable_values<float>();
    for (std::int64_t i = 0; i < x.size(); ++i) values[i] += static_cast<float>(by * direction.values<float>()[i]);
    return result;
}

class Graph {
public:
    explicit Graph(std::int64_t opset = 17) {
        model_.opsets[""] = opset;
        model_.ir_version = opset > 18 ? 10 : 8;
    }

    /// The tensor that is differentiated; -1 is the batch. `next` fills it.
    std::string input(const Shape& shape, std::function<float()> next = {}) {
        shape_ = shape;
        fill_ = next ? std::move(next) : [this] { return normal_(random_); };
        declare("x", DataType::float32, shape);
        return "x";
    }

    std::string constant(const Tensor& value) { return writer().constant(value); }
    std::string ints(const Ints& values) { return writer().constant(values); }
    std::string random(const Shape& shape, float low = -1, float high = 1) {
        std::uniform_real_distribution<float> uniform(low, high);
        return constant(filled(shape, [&] { return uniform(random_); }));
    }
    std::string number(float value) { return constant(Tensor::scalar(value)); }

    std::string node(const std::string& op, const std::vector<std::string>& inputs, const Attributes& attributes = {},
                     const std::string& domain = "") {
        const auto name = writer().node(op, inputs, attributes);
        model_.graph.nodes.back().domain = domain;
        return name;
    }
    std::vector<std::string> nodes(const std::string& op, const std::vector<std::string>& inputs, std::size_t outputs,
                                   const Attributes& attributes = {}) {
        return writer().node_with_outputs(op, inputs, outputs, attributes);
    }

    model::Model& model() { return model_; }
    std::mt19937& random_engine() { return random_; }

    /// Numbers at least `gap` away from 0 (and from each other's mirror): away from a kink there.
    std::function<float()> away_from_zero(float gap = 0.3F, float reach = 2) {
        return [this, gap, reach] {
            std::uniform_real_distribution<float> size(gap, reach);
            return random_() % 2 == 0 ? size(random_) : -size(random_);
        };
    }
    std::function<float()> between(float low, float high) {
        return [this, low, high] { return std::uniform_real_distribution<float>(low, high)(random_); };
    }
    /// Numbers of which no two are closer than `gap`, for as many as one tensor has.
    std::function<float()> distinct(std::int64_t count, float gap = 0.2F) {
        auto values = std::make_shared<std::vector<float>>();
        for (std::int64_t i = 0; i < count; ++i)
            values->push_back(gap * (static_cast<float>(i) - static_cast<float>(count) / 2 + 0.5F));
        auto at = std::make_shared<std::size_t>(values->size());
        return [this, values, at] {
            if (*at == values->size()) {
                std::shuffle(values->begin(), values->end(), random_);
                *at = 0;
            }
            return (*values)[(*at)++];
        };
    }

    /// The adjoint identity, to 1e-5 of |J u| |v| as the issue asks; the map may have a constant part.
    void expect_linear(const std::string& y, double tolerance = 1e-5) {
        for (const std::int64_t batch : batches()) {
            Run run(*this, y, "");
            const Tensor u = sample(batch), zero(DataType::float32, u.shape());
            const Tensor ju = moved(run.forward(u), run.forward(zero), -1);
            const Tensor v = filled(ju.shape(), [this] { return normal_(random_); });
            const double forward = dot(ju, v), backward = dot(u, run.gradient(u, v));
            EXPECT_NEAR(forward, backward, tolerance * norm(ju) * norm(v)) << "batch " << batch;
        }
    }

    /// The gradient along a random direction against a four-point difference, to 1e-3 as the issue asks (of the size
    /// that such products have), and, with `again`, that of the gradient itself.
    void expect_gradient(const std::string& y, bool again = true, double step = 0.02, double tolerance = 1e-3) {
        for (const std::int64_t batch : batches()) {
            Run run(*this, y, again ? "v" : "");
            const Tensor x = sample(batch);
            const Tensor w = filled(run.forward(x).shape(), [this] { return normal_(random_); });
            const Tensor d = filled(x.shape(), [this] { return normal_(random_) > 0 ? 1.0F : -1.0F; });
            const Tensor gradient = run.gradient(x, w);
            const Tensor difference = four_points([&](double by) { return run.forward(moved(x, d, by)); }, step);
            EXPECT_NEAR(dot(difference, w), dot(gradient, d), tolerance * std::max(norm(difference) * norm(w), 1e-3))
                << "batch " << batch;
            EXPECT_GT(norm(gradient), 0);
            if (!again) continue;
            // Both of the gradient function G(x) = J(x)'w: d/dh <G(x + h d), v> against <d, second(v)>.
            const Tensor v = filled(x.shape(), [this] { return normal_(random_); });
            const Tensor second = run.second(x, w, v);
            const Tensor curvature = four_points([&](double by) { return run.gradient(moved(x, d, by), w); }, step);
            const double size = std::max(norm(curvature) * norm(v), norm(gradient) * 1e-2);
            EXPECT_NEAR(dot(curvature, v), dot(second, d), 3 * tolerance * size)
                << "second application, batch " << batch;
        }
    }

    Tensor sample(std::int64_t batch) {
        Shape shape = shape_;
        for (auto& size : shape) size = size < 0 ? batch : size;
        return filled(shape, fill_);
    }

    /// The differentiated graph, ready to run.
    class Run {
    public:
        Run(Graph& graph, const std::string& y, const std::string& second_seed,
            const model::DifferentiateOptions& options = {})
            : y_(y) {
            model::Model model = graph.model_;
            model::raise_opset(model);
            model.graph.outputs = {{y, DataType::float32, {}, {}, {}}};
            forward_.emplace(model, runtime::SessionOptions{.threads = 1});
            auto shapes = runtime::known_shapes(model);
            const auto declare = [&](const std::string& name, const std::string& like) {
                model::ValueInfo info;
                info.name = name;
                info.shape.emplace();
                for (const auto size : shapes.shape(like))
                    info.shape->push_back({size < 0 ? std::nullopt : std::optional(size), size < 0 ? "any" : ""});
                model.graph.inputs.push_back(info);
            };
            declare("w", y);
            gradient_ = model::differentiate(model, shapes, {model::Seed::with(y, "w")}, {"x"}, options).at("x");
            std::vector<std::string> outputs{y, gradient_};
            if (!second_seed.empty()) {
                declare("v", "x");
                second_ = model::differentiate(model, shapes, {model::Seed::with(gradient_, "v")}, {"x"},
                                               {.prefix = "second", .zeros_where_independent = true})
                              .at("x");
                outputs.push_back(second_);
            }
            for (const auto& output : outputs) {
                EXPECT_EQ(shapes.type(output), DataType::float32);
                if (model.graph.find_output(output) == nullptr)
                    model.graph.outputs.push_back({output, DataType::float32, {}, {}, {}});
            }
            shapes_ = shapes;
            v_ = !second_seed.empty();
            session_.emplace(model, runtime::SessionOptions{.threads = 1});
        }

        Tensor forward(const Tensor& x) { return forward_->run({{"x", x}}, {y_}).front(); }
        Tensor gradient(const Tensor& x, const Tensor& w) {
            return run(x, w, Tensor(DataType::float32, x.shape()), gradient_);
        }
        Tensor second(const Tensor& x, const Tensor& w, const Tensor& v) { return run(x, w, v, second_); }
        const model::Shapes& shapes() const { return shapes_; }

    private:
        Tensor run(const Tensor& x, const Tensor& w, const Tensor& v, const std::string& output) {
            std::vector<runtime::Feed> feeds{{"x", x}, {"w", w}};
            if (v_) feeds.emplace_back("v", v);
            return session_->run(feeds, {output}).front();
        }

        std::string y_, gradient_, second_;
        bool v_ = false;
        model::Shapes shapes_;
        std::optional<runtime::Session> forward_, session_;
    };

private:
    model::NodeWriter& writer() {
        if (!writer_) writer_.emplace(model_.graph, "made");
        return *writer_;
    }

    void declare(const std::string& name, DataType type, const Shape& shape) {
        model::ValueInfo info;
        info.name = name;
        info.type = type;
        info.shape.emplace();
        for (const auto size : shape)
            info.shape->push_back({size < 0 ? std::nullopt : std::optional(size), size < 0 ? "batch" : ""});
        model_.graph.inputs.push_back(info);
    }

    std::vector<std::int64_t> batches() const {
        if (!shape_.empty() && shape_[0] < 0) return {1, 3};
        return {1};
    }

    /// (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12 h
    static Tensor four_points(const std::function<Tensor(double)>& f, double h) {
        const Tensor a = f(-2 * h), b = f(-h), c = f(h), e = f(2 * h);
        Tensor result = a;
        const auto values = result.mutable_values<float>();
        for (std::int64_t i = 0; i < a.size(); ++i) {
            const auto at = [i](const Tensor& t) { return static_cast<double>(t.values<float>()[i]); };
            values[i] = static_cast<float>((at(a) - 8 * at(b) + 8 * at(c) - at(e)) / (12 * h));
        }
        return result;
    }

    model::Model model_;
    std::optional<model::NodeWriter> writer_;
    Shape shape_;
    std::function<float()> fill_;
    std::mt19937 random_{20161207};
    std::normal_distribution<float> normal_;
};

}  // namespace locus::test

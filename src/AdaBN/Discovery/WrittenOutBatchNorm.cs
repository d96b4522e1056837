using AdaBN.Onnx;

namespace AdaBN.Discovery;

/// <summary>
/// A BatchNormalization written out in elementary operators, as exporters without the operator do. Mean and variance can be told apart because
/// the variance still stands under its root, y = (x − mean) / sqrt(variance + epsilon) · scale + bias, in these orders:
/// <code>
///   x − mean,  then · scale,  then / sqrt(variance + epsilon)  or  · its reciprocal (with the scale in it or not),  then · scale,  then ± bias
///   x · k  +  (bias − mean · k),   x · k − mean · k + bias          with k the reciprocal, the scale in it or not
/// </code>
/// Scale and bias may be missing.
/// </summary>
/// <param name="Last">The node that computes y.</param>
/// <param name="Data">x.</param>
/// <param name="Mean">The node that reads the mean, and where among its inputs.</param>
/// <param name="Variance">The same of the variance.</param>
/// <param name="Scales">Constants to multiply by.</param>
/// <param name="Biases">Constants to add, each with its sign.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Between">What else is computed on the way from x to y; nobody else may read it.</param>
internal sealed record WrittenOutBatchNorm(
    Node Last, Value Data, (Node Node, int Input) Mean, (Node Node, int Input) Variance, IReadOnlyList<Value> Scales, IReadOnlyList<(Value Value, int Sign)> Biases, double Epsilon, IReadOnlyList<Value> Between)
{
    /// <summary>Finds all, in the order of computation.</summary>
    public static IEnumerable<WrittenOutBatchNorm> Find(Graph graph, ConstantFolder constants)
    {
        var matcher = new Matcher(constants);
        return graph.TopologicalOrder().Select(matcher.Match).OfType<WrittenOutBatchNorm>();
    }

    /// <summary>The root itself, to divide by, or its reciprocal, to multiply by, with scales in it.</summary>
    private sealed record RootForm(Value Factor, bool IsDivisor, IReadOnlyList<Value> Scales, (Node Node, int Input) Variance, double Epsilon, IReadOnlyList<Value> Inside);

    private sealed class Matcher(ConstantFolder constants)
    {
        /// <summary>Tries a node as the place where x, centred or not, meets the root.</summary>
        public WrittenOutBatchNorm? Match(Node node)
        {
            if (node.Inputs is not [{ } left, { } right] || !(node.Is("Div") || node.Is("Mul")) || node.Outputs is not [{ } output]) return null;
            (Value data, Value constant) = constants.IsConstant(left) ? (right, left) : (left, right);
            if (constants.IsConstant(data) || !constants.IsConstant(constant) || Root(constant) is not { } root) return null;
            if (node.Is("Div") != root.IsDivisor || (root.IsDivisor && constant != right)) return null;
            return data.Producer is { } producer && Centred(producer) is { } centred ? CentredFirst(root, centred, output) : CentredLast(root, data, output);
        }

        private WrittenOutBatchNorm CentredFirst(RootForm root, (Value Data, (Node, int) Mean, IReadOnlyList<Value> Scales, IReadOnlyList<Value> Between) centred, Value output)
        {
            List<Value> scales = [.. root.Scales, .. centred.Scales], between = [.. root.Inside, .. centred.Between];
            if (scales.Count == 0) output = Scaled(output, scales, between);
            return WithBias(output, [], between, (last, biases) => new WrittenOutBatchNorm(last, centred.Data, centred.Mean, root.Variance, scales, biases, root.Epsilon, between));
        }

        /// <summary>x · k, to which bias − mean · k is added at once or in two steps.</summary>
        private WrittenOutBatchNorm? CentredLast(RootForm root, Value data, Value output)
        {
            if (OnlyReader(output) is not { } next || Operands(next, output) is not { IsNegated: false } step || next.Outputs is not [{ } shifted]) return null;
            List<Value> between = [.. root.Inside, output];
            List<(Value, int)> biases = [];
            Value product = step.Constant;
            if (step.Sign > 0 && product.Producer is { } shift && shift.Is("Sub") && shift.Inputs is [{ } bias, { } subtracted])
            {
                between.Add(product);
                biases.Add((bias, 1));
                product = subtracted;
            }
            else if (step.Sign > 0)
            {
                return null;
            }
            if (product.Producer is not { } times || !times.Is("Mul") || times.Inputs is not [{ } a, { } b] || (a != root.Factor && b != root.Factor)) return null;
            between.Add(product);
            (Node, int) mean = (times, a == root.Factor ? 1 : 0);
            if (biases.Count > 0) return new WrittenOutBatchNorm(next, data, mean, root.Variance, root.Scales, biases, root.Epsilon, between);
            return WithBias(shifted, biases, between, (last, all) => new WrittenOutBatchNorm(last, data, mean, root.Variance, root.Scales, all, root.Epsilon, between));
        }

        private Value Scaled(Value output, List<Value> scales, List<Value> between)
        {
            if (OnlyReader(output) is not { } next || !next.Is("Mul") || next.Inputs is not [{ } a, { } b] || next.Outputs is not [{ } scaled]) return output;
            Value constant = a == output ? b : a;
            if (!constants.IsConstant(constant)) return output;
            scales.Add(constant);
            between.Add(output);
            return scaled;
        }

        private WrittenOutBatchNorm WithBias(Value output, IReadOnlyList<(Value, int)> biases, List<Value> between, Func<Node, IReadOnlyList<(Value, int)>, WrittenOutBatchNorm> make)
        {
            if (OnlyReader(output) is not { } next || Operands(next, output) is not { IsNegated: false } step || next.Outputs is not [not null]) return make(output.Producer!, biases);
            between.Add(output);
            return make(next, [.. biases, (step.Constant, step.Sign)]);
        }

        /// <summary>x − mean, times the scale where it comes first.</summary>
        private (Value Data, (Node, int) Mean, IReadOnlyList<Value> Scales, IReadOnlyList<Value> Between)? Centred(Node node)
        {
            if (node.Inputs is not [{ } left, { } right] || node.Outputs is not [{ } output]) return null;
            if (node.Is("Sub") && !constants.IsConstant(left) && constants.IsConstant(right)) return (left, (node, 1), [], [output]);
            if (!node.Is("Mul") || constants.IsConstant(left) == constants.IsConstant(right)) return null;
            (Value data, Value scale) = constants.IsConstant(left) ? (right, left) : (left, right);
            return data.Producer is { } producer && producer.Is("Sub") && Centred(producer) is { } inner ? (inner.Data, inner.Mean, [scale], [.. inner.Between, output]) : null;
        }

        /// <summary>sqrt(variance + epsilon), its reciprocal, or a scale times or over that.</summary>
        private RootForm? Root(Value value)
        {
            if (value is not { Producer: { Inputs: [not null, ..] } node, Initializer: null }) return null;
            if (node.Is("Identity")) return Root(node.Inputs[0]!) is { } same ? same with { Factor = value, Inside = [.. same.Inside, value] } : null;
            if (node.Is("Sqrt")) return Sum(value, node.Inputs[0]!, isDivisor: true);
            if (node.Is("Pow") && node.Inputs is [{ } radicand, { } exponent] && constants.Evaluate(exponent) is { Elements: [0.5 or -0.5] } power)
                return Sum(value, radicand, power.Elements[0] > 0);
            if (node.Is("Reciprocal")) return Root(node.Inputs[0]!) is { IsDivisor: true } root ? root with { Factor = value, IsDivisor = false, Inside = [.. root.Inside, value] } : null;
            if (node.Inputs is not [{ } left, { } right]) return null;
            if (node.Is("Div") && Root(right) is { IsDivisor: true } divisor)
                return divisor with { Factor = value, IsDivisor = false, Scales = constants.Evaluate(left) is { Elements: [1] } ? [] : [left], Inside = [.. divisor.Inside, value] };
            if (!node.Is("Mul")) return null;
            if (Root(left) is { IsDivisor: false } first) return first with { Factor = value, Scales = [.. first.Scales, right], Inside = [.. first.Inside, value] };
            return Root(right) is { IsDivisor: false } second ? second with { Factor = value, Scales = [.. second.Scales, left], Inside = [.. second.Inside, value] } : null;
        }

        private RootForm? Sum(Value root, Value radicand, bool isDivisor)
        {
            if (radicand.Producer is not { } add || !add.Is("Add") || add.Inputs is not [{ } left, { } right]) return null;
            if (constants.Evaluate(left) is not { } first || constants.Evaluate(right) is not { } second) return null;
            bool epsilonIsRight = second.Elements.Length == 1 && (first.Elements.Length > 1 || first.Dims.Length > second.Dims.Length);
            bool epsilonIsLeft = first.Elements.Length == 1 && (second.Elements.Length > 1 || second.Dims.Length > first.Dims.Length);
            if (epsilonIsLeft == epsilonIsRight) return null;
            return new RootForm(root, isDivisor, [], (add, epsilonIsRight ? 0 : 1), (epsilonIsRight ? second : first).Elements[0], [radicand, root]);
        }

        /// <summary>What a node adds to or subtracts from a value; negated where it subtracts the value itself.</summary>
        private (Value Constant, int Sign, bool IsNegated)? Operands(Node node, Value value)
        {
            if (!(node.Is("Add") || node.Is("Sub")) || node.Inputs is not [{ } left, { } right]) return null;
            Value other = left == value ? right : left;
            if (!constants.IsConstant(other)) return null;
            return (other, node.Is("Add") ? 1 : left == value ? -1 : 1, node.Is("Sub") && right == value);
        }

        private static Node? OnlyReader(Value value) => value.Uses is [{ InputIndex: >= 0 } use] && !value.IsGraphOutput && use.Consumer.Graph == value.Graph ? use.Consumer : null;
    }
}

using AdaBN.Onnx.Serialization;

namespace AdaBN.TestSupport;

/// <summary>Models of unusual make.</summary>
internal static class Models
{
    /// <summary>x → Relu → h → If(flag){ h + h | batch-normalized h } → y: both branches read h from the graph around them.</summary>
    public static ModelBuilder WithIf()
    {
        var builder = new ModelBuilder();
        builder.Input("x", -1, 2).Input("flag", Onnx.ElementType.Bool).Node("Relu", ["x"], ["h"]);
        var sum = new GraphProto { Name = "sum" };
        sum.Node.Add(ModelBuilder.NodeOf("Add", ["h", "h"], ["sum_out"]));
        sum.Output.Add(new ValueInfoProto { Name = "sum_out" });
        var normalized = new GraphProto { Name = "normalized" };
        normalized.Initializer.Add([
            ModelBuilder.Tensor("b.scale", [2], 1, 1), ModelBuilder.Tensor("b.bias", [2], 0, 0), ModelBuilder.Tensor("b.mean", [2], 0, 0), ModelBuilder.Tensor("b.var", [2], 1, 1)]);
        normalized.Node.Add(ModelBuilder.NodeOf("BatchNormalization", ["h", "b.scale", "b.bias", "b.mean", "b.var"], ["normalized_out"]));
        normalized.Output.Add(new ValueInfoProto { Name = "normalized_out" });
        return builder.Node("If", ["flag"], ["y"], ModelBuilder.SubGraph("then_branch", sum), ModelBuilder.SubGraph("else_branch", normalized)).Output("y", -1, 2);
    }
}

using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Tests;

/// <summary>A normalization that float64 PyTorch has computed (tests/Normalizations/make_cases.py).</summary>
internal sealed class NormalizationCase
{
    private static readonly Lazy<JsonDocument> File = new(() => JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(Repository.Root, "tests", "Normalizations", "cases.json"))));
    private readonly JsonElement _case;

    private NormalizationCase(JsonElement json) => _case = json;

    public static IEnumerable<NormalizationCase> All => File.Value.RootElement.EnumerateArray().Select(json => new NormalizationCase(json));

    public string Name => _case.GetProperty("name").GetString()!;

    public string Kind => _case.GetProperty("kind").GetString()!;

    public double[] Expected => Numbers(_case.GetProperty("y"));

    public IEnumerable<(string Name, long[] Dims, double[] Data)> Inputs => _case.GetProperty("inputs").EnumerateObject().Select(input => (input.Name, Dims(input.Value), Numbers(input.Value)));

    public Normalization Normalization => Read() with { Epsilon = _case.GetProperty("epsilon").GetSingle() };

    /// <summary>x → Identity → y, the normalization in Identity's place.</summary>
    /// <param name="opset">Version of ONNX's own operator set.</param>
    /// <param name="open">Whether the model leaves lengths open.</param>
    public OnnxModel Model(long opset, bool open = false)
    {
        const long lastWithDeclaredInitializers = 8;
        long[] dims = Inputs.Single(input => input.Name == "x").Dims;
        long[] declared = open ? [-1, dims[1], .. Kind == "layer_norm" ? dims.Skip(2) : dims.Skip(2).Select(_ => -1L)] : dims;
        OnnxModel model = new ModelBuilder(opset, opset <= lastWithDeclaredInitializers ? 3 : 8).Input("x", declared).Node("Identity", ["x"], ["y"]).Output("y", declared).Build();
        return Normalization.InPlaceOf(model, model.Graph.Nodes.Single());
    }

    /// <summary>What plain ONNX Runtime makes of the case's inputs.</summary>
    public double[] Run(OnnxModel model)
    {
        using var session = new InferenceSession(model.ToBytes());
        var inputs = Inputs.ToDictionary(input => input.Name, input =>
            session.InputMetadata[input.Name].ElementDataType == Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64
                ? OrtValue.CreateTensorValueFromMemory([.. input.Data.Select(number => (long)number)], input.Dims)
                : OrtValue.CreateTensorValueFromMemory([.. input.Data.Select(number => (float)number)], input.Dims));
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, inputs, ["y"]);
        foreach (OrtValue input in inputs.Values) input.Dispose();
        return [.. outputs[0].GetTensorDataAsSpan<float>().ToArray().Select(number => (double)number)];
    }

    private Normalization Read()
    {
        JsonElement p = _case.GetProperty("parameters");
        double[] List(string name) => Numbers(p.GetProperty(name));
        double[][] Rows(string name) => [.. List(name).Chunk((int)Dims(p.GetProperty(name))[1])];
        ChannelStatistics Statistics() => new(List("mean"), List("variance"));
        ChannelStatistics[] Domains() => [.. Rows("means").Zip(Rows("variances"), (mean, variance) => new ChannelStatistics(mean, variance))];
        Convolution Conv(string name)
        {
            JsonElement conv = p.GetProperty(name), weights = conv.GetProperty("weights");
            int[] dims = [.. Dims(weights).Select(dim => (int)dim)];
            return new Convolution(dims[0], dims[1], dims[2], Numbers(weights), Numbers(conv.GetProperty("bias")));
        }
        SpatialNorm Spade()
        {
            float epsilon = _case.GetProperty("epsilon").GetSingle();
            int channels = List("mean").Length;
            Normalization inner = p.GetProperty("batch").GetBoolean() ? new BatchNorm(Statistics(), ModelBuilder.Filled(channels, 1).Select(one => (double)one).ToArray(), new double[channels]) : InstanceNorm.Plain(channels);
            return new SpatialNorm(inner with { Epsilon = epsilon }, "map", Conv("hidden"), Conv("gamma"), Conv("beta"));
        }
        return Kind switch
        {
            "batch_norm" => new BatchNorm(Statistics(), List("scale"), List("bias")),
            "instance_norm" => new InstanceNorm(List("scale"), List("bias")),
            "group_norm" => new GroupNorm(p.GetProperty("groups").GetInt32(), List("scale"), List("bias")),
            "layer_norm" => new LayerNorm([.. p.GetProperty("shape").EnumerateArray().Select(length => length.GetInt64())], List("scale"), List("bias")),
            "conditional_instance_norm" => new ConditionalInstanceNorm("style", Rows("scales"), Rows("biases")),
            "conditional_batch_norm" => new ConditionalBatchNorm("domain", Domains(), List("scale"), List("bias")),
            "adaptive_instance_norm" => new AdaptiveInstanceNorm("style", p.GetProperty("channels").GetInt32()),
            "stored_style" => InstanceNorm.Toward(Statistics(), _case.GetProperty("epsilon").GetSingle()),
            "interpolated_instance_norm" => new InterpolatedInstanceNorm("weights", Domains()),
            "batch_instance_norm" => new BatchInstanceNorm(Statistics(), List("scale"), List("bias"), List("share")),
            "instance_batch_norm" => new InstanceBatchNorm(Statistics(), List("scale"), List("bias"), p.GetProperty("half").GetInt32()),
            "residual_instance_norm" => new ResidualInstanceNorm("skip", List("scale"), List("bias")),
            "spatial_norm" => Spade(),
            "spatial_norm_of_fitting_map" => Spade() with { ResizesMap = false },
            "region_norm" => new RegionNorm(Spade(), "codes", (int)Dims(p.GetProperty("regionWeights"))[1], List("regionWeights"), List("regionBiases"), Conv("styleGamma"), Conv("styleBeta"), p.GetProperty("a").GetDouble(), p.GetProperty("b").GetDouble()),
            _ => throw new InvalidDataException($"no such kind: {Kind}"),
        };
    }

    private static long[] Dims(JsonElement tensor) => [.. tensor.GetProperty("dims").EnumerateArray().Select(dim => dim.GetInt64())];

    private static double[] Numbers(JsonElement tensor) => [.. tensor.GetProperty("data").EnumerateArray().Select(number => number.GetDouble())];
}

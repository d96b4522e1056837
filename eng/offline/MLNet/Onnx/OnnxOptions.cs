namespace Microsoft.ML.Transforms.Onnx;

public sealed class OnnxOptions
{
    public string ModelFile;
    public string[] InputColumns;
    public string[] OutputColumns;
    public int? GpuDeviceId;
    public bool FallbackToCpu;
    public IDictionary<string, int[]> ShapeDictionary;

    /// <summary>Without effect here: the stand-in reads no nested parts of the model's protobuf.</summary>
    public int RecursionLimit = 100;

    public int? InterOpNumThreads;
    public int? IntraOpNumThreads;
}

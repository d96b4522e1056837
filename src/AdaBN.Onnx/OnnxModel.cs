using System.Collections.Immutable;
using System.Security.Cryptography;
using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.Onnx;

/// <summary>
/// An ONNX model in memory. Loading and saving keeps every field, those this library does not know included, the order of nodes
/// and every byte of every initializer (https://github.com/onnx/onnx/blob/main/docs/IR.md).
/// </summary>
/// <remarks>Reading from several threads is safe as long as none edits.</remarks>
public sealed class OnnxModel
{
    private readonly ModelProto _shell;

    private OnnxModel(ModelProto proto, string sha256)
    {
        Graph = GraphReader.Read(proto.Graph);
        proto.Graph = null;
        _shell = proto;
        Sha256 = sha256;
        OpsetImports = proto.OpsetImport.ToImmutableSortedDictionary(import => NormalizedDomain(import.Domain), import => import.Version, StringComparer.Ordinal);
        Functions = [.. proto.Functions.Select(function => new LocalFunction(NormalizedDomain(function.Domain), function.Name, [.. function.Node.Select(node => node.OpType)]))];
    }

    /// <summary>The main graph.</summary>
    public Graph Graph { get; }

    /// <summary>SHA-256 of the file the model was loaded from, in lower-case hex. Clones and edits keep it: it names the source.</summary>
    public string Sha256 { get; }

    /// <summary>
    /// SHA-256, in lower-case hex, of what the model computes: its operator sets, functions, nodes, tensors, inputs and outputs as they
    /// are stored now. Unlike <see cref="Sha256"/> it does not see metadata, names of tools, or types declared for inner values.
    /// </summary>
    public string ComputationSha256()
    {
        GraphProto graph = GraphWriter.ToProto(Graph);
        var computation = new ModelProto { Graph = new GraphProto { Node = { graph.Node }, Initializer = { graph.Initializer }, SparseInitializer = { graph.SparseInitializer }, Input = { graph.Input }, Output = { graph.Output } } };
        computation.OpsetImport.AddRange(OpsetImports.Select(import => new OperatorSetIdProto { Domain = import.Key, Version = import.Value }));
        computation.Functions.AddRange(_shell.Functions);
        using var sha256 = SHA256.Create();
        using (var stream = new CryptoStream(Stream.Null, sha256, CryptoStreamMode.Write)) computation.WriteTo(stream);
        return Convert.ToHexStringLower(sha256.Hash!);
    }

    /// <summary>The version of the file format.</summary>
    public long IrVersion => _shell.IrVersion;

    /// <summary>The tool that wrote the file, and its version.</summary>
    public string Producer => $"{_shell.ProducerName} {_shell.ProducerVersion}".Trim();

    /// <summary>Imported operator sets: domain (empty for ONNX's own) to version.</summary>
    public IReadOnlyDictionary<string, long> OpsetImports { get; }

    /// <summary>Version of ONNX's own operator set; 1 where the file names none.</summary>
    public long Opset => OpsetImports.GetValueOrDefault("", 1);

    /// <summary>The model's local functions.</summary>
    public IReadOnlyList<LocalFunction> Functions { get; }

    /// <summary>The <c>metadata_props</c>, in the file's order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata => [.. _shell.MetadataProps.Select(entry => KeyValuePair.Create(entry.Key, entry.Value))];

    /// <summary>Loads a model file.</summary>
    /// <exception cref="OnnxModelException">The file is no ONNX model this library can hold faithfully.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static OnnxModel Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] bytes = File.ReadAllBytes(path);
        try
        {
            return FromBytes(bytes);
        }
        catch (OnnxModelException e)
        {
            throw new OnnxModelException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Reads a model from the bytes of a model file.</summary>
    /// <exception cref="OnnxModelException">The bytes are no ONNX model this library can hold faithfully.</exception>
    public static OnnxModel FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) throw new OnnxModelException("The file is empty, expected an ONNX model. Was it downloaded or copied completely?");
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new OnnxModelException($"This is no ONNX model, or a damaged one ({e.Message}). Export it again or copy it anew.", e);
        }
        if (proto.Graph is null)
            throw new OnnxModelException("No graph in it: this is no ONNX model (or a damaged one). Export it again or copy it anew.");
        return new OnnxModel(proto, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    /// <summary>An independent copy. Tensor data, which never changes in place, is shared.</summary>
    public OnnxModel Clone() => new(ToProto(), Sha256);

    /// <summary>Sets one entry of <see cref="Metadata"/>, replacing what stood under that key.</summary>
    public void SetMetadata(string key, string value)
    {
        StringStringEntryProto? entry = _shell.MetadataProps.FirstOrDefault(entry => entry.Key == key);
        if (entry is null) _shell.MetadataProps.Add(entry = new StringStringEntryProto { Key = key });
        entry.Value = value;
    }

    /// <summary>The model file's bytes. The same model gives the same bytes.</summary>
    public byte[] ToBytes() => ToProto().ToByteArray();

    /// <summary>Writes the model file: to a temporary file in the same folder, then renamed, so that no half-written file is ever seen.</summary>
    /// <exception cref="IOException">The file cannot be written; what stood there before is untouched.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, ToProto().WriteTo);
    }

    /// <summary>A model of other content around the same operator sets and functions.</summary>
    internal OnnxModel WithGraph(GraphProto graph)
    {
        ModelProto proto = _shell.Clone();
        proto.MetadataProps.Clear();
        proto.Graph = graph;
        return new OnnxModel(proto, Sha256);
    }

    private ModelProto ToProto()
    {
        ModelProto proto = _shell.Clone();
        proto.Graph = GraphWriter.ToProto(Graph);
        return proto;
    }

    private static string NormalizedDomain(string domain) => domain == "ai.onnx" ? "" : domain;
}

/// <summary>A function that a model brings with it and calls like an operator.</summary>
/// <param name="Domain">Its domain.</param>
/// <param name="Name">Its name, the operator type of nodes that call it.</param>
/// <param name="OpTypes">Operator types of the nodes in its body, in order.</param>
public sealed record LocalFunction(string Domain, string Name, ImmutableArray<string> OpTypes);

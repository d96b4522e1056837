using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.Onnx;

/// <summary>
/// An ONNX model in memory. Loading and saving keeps every field, those this library does not know included, the order of nodes
/// and every byte of every initializer (https://github.com/onnx/onnx/blob/main/docs/IR.md).
/// </summary>
/// <remarks>
/// Tensor data that the file keeps outside (external data) is read when it is asked for, from plain files in the model's own folder
/// only; those must stay as they are while the model is in use. Tensors that an edit puts in place are kept in the model itself.
/// Reading from several threads is safe as long as none edits.
/// </remarks>
public sealed class OnnxModel
{
    private readonly ModelProto _shell;
    private readonly ModelFolder? _folder;

    private OnnxModel(ModelProto proto, string sha256, ModelFolder? folder)
    {
        Graph = GraphReader.Read(proto.Graph, folder);
        proto.Graph = null;
        (_shell, _folder) = (proto, folder);
        Sha256 = sha256;
        OpsetImports = ReadOpsets(proto);
        Functions = [.. proto.Functions.Select(function => new LocalFunction(FunctionCalls.Domain(function.Domain), function.Name, [.. function.Node.Select(node => node.OpType)]))];
    }

    /// <summary>The main graph.</summary>
    public Graph Graph { get; }

    /// <summary>SHA-256 of the file the model was loaded from (without data kept outside), in lower-case hex. Clones and edits keep it: it names the source.</summary>
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

    /// <summary>Whether this version of the format wants initializers declared as inputs too, as all did before 4.</summary>
    internal bool DeclaresInitializers => IrVersion < 4;

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
        if (new FileInfo(path) is { Exists: true, Length: var length } && length > Array.MaxLength)
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"{path}: the file has {length} bytes, but an ONNX file has less than 2 GB. Export the model with its tensors in a file of their own (save_as_external_data)."));
        }
        byte[] bytes = File.ReadAllBytes(path);
        try
        {
            return Parse(bytes, new ModelFolder(Path.GetDirectoryName(Path.GetFullPath(path))!));
        }
        catch (OnnxModelException e)
        {
            throw new OnnxModelException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Reads a model from the bytes of a model file. It must hold all its data, as there is no folder where more could lie.</summary>
    /// <exception cref="OnnxModelException">The bytes are no ONNX model this library can hold faithfully.</exception>
    public static OnnxModel FromBytes(ReadOnlySpan<byte> bytes) => Parse(bytes, folder: null);

    private static OnnxModel Parse(ReadOnlySpan<byte> bytes, ModelFolder? folder)
    {
        if (bytes.IsEmpty) throw new OnnxModelException("The file is empty, expected an ONNX model. Was it downloaded or copied completely?");
        if (SavedPipeline.IsZip(bytes)) throw new OnnxModelException("This is a zip, expected an ONNX model. Of a pipeline that ML.NET saved, SavedPipeline takes the model out; of other zips, unpack it.");
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or ArgumentOutOfRangeException or IndexOutOfRangeException or OutOfMemoryException)
        {
            // The others escape Google.Protobuf where a length reaches beyond the message around it; near 2³¹ it asks for that much memory.
            throw new OnnxModelException($"This is no ONNX model, or a damaged one ({e.Message}). Export it again or copy it anew.", e);
        }
        if (proto.Graph is null)
            throw new OnnxModelException("No graph in it: this is no ONNX model (or a damaged one). Export it again or copy it anew.");
        StoredText.Check(proto, bytes);
        new FunctionCalls(proto).Check();
        foreach (TensorProto tensor in StoredTensors.Of(proto))
        {
            TensorShape.Check(tensor);
            if (!ExternalData.IsIn(tensor)) continue;
            if (folder is null)
                throw new OnnxModelException($"Tensor '{tensor.Name}' keeps its data outside the model, in '{ExternalData.Of(tensor).Location}'. Load the model by its path (OnnxModel.Load), with that file beside it.");
            folder.Check(tensor);
        }
        return new OnnxModel(proto, Convert.ToHexStringLower(SHA256.HashData(bytes)), folder);
    }

    /// <summary>An independent copy. Tensor data, which never changes in place, is shared.</summary>
    public OnnxModel Clone() => new(ToProto(), Sha256, _folder);

    /// <summary>Sets one entry of <see cref="Metadata"/>, replacing what stood under that key.</summary>
    public void SetMetadata(string key, string value)
    {
        StringStringEntryProto? entry = _shell.MetadataProps.FirstOrDefault(entry => entry.Key == key);
        if (entry is null) _shell.MetadataProps.Add(entry = new StringStringEntryProto { Key = key });
        entry.Value = value;
    }

    /// <summary>Takes one entry out of <see cref="Metadata"/>, if it is there.</summary>
    public void RemoveMetadata(string key)
    {
        if (_shell.MetadataProps.FirstOrDefault(entry => entry.Key == key) is { } entry) _shell.MetadataProps.Remove(entry);
    }

    /// <summary>This model as one that stems from another file, which <see cref="Sha256"/> then names.</summary>
    /// <param name="sha256">SHA-256 of that file, in lower-case hex.</param>
    public OnnxModel StemmingFrom(string sha256) => new(ToProto(), sha256, _folder);

    /// <summary>The same model with all its data inside; this model itself where nothing is outside.</summary>
    /// <exception cref="OnnxModelException">Data is missing, or a file of 2 GB or more would come of it.</exception>
    public OnnxModel ToSingleFile()
    {
        ModelProto proto = ToProto();
        TensorProto[] external = [.. StoredTensors.Of(proto).Where(ExternalData.IsIn)];
        if (external.Length == 0) return this;
        long size = proto.CalculateSize() + external.Sum(tensor => ExternalData.Of(tensor).Length);
        if (size > Array.MaxLength)
        {
            throw new OnnxModelException(string.Create(CultureInfo.InvariantCulture,
                $"{external.Length} tensors of '{Graph.Name}' lie outside the model file; with them inside it would have {size} bytes, but an ONNX file has less than 2 GB. Leave them outside."));
        }
        proto = proto.Clone(); // tensors are shared with this model
        foreach (TensorProto tensor in StoredTensors.Of(proto).Where(ExternalData.IsIn))
        {
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(_folder!.Read(tensor));
            ExternalData.Remove(tensor);
        }
        return new OnnxModel(proto, Sha256, folder: null);
    }

    /// <summary>The model file's bytes; data kept outside stays there. The same model gives the same bytes.</summary>
    public byte[] ToBytes() => ToProto().ToByteArray();

    /// <summary>Writes the model file: to a temporary file in the same folder, then renamed, so that no half-written file is ever seen.</summary>
    /// <param name="path">The file. In another folder than the model's own, the files that hold its data outside are copied beside it, under
    /// the same names; other files of these names are never overwritten. <see cref="ToSingleFile"/> makes a model that needs none.</param>
    /// <exception cref="OnnxModelException">The data outside changed or vanished, or something else stands where it has to go.</exception>
    /// <exception cref="IOException">A file cannot be written; what stood there before is untouched.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelProto proto = ToProto();
        if (_folder is null) AtomicFile.Write(path, proto.WriteTo);
        else ExternalFiles.Save(proto, _folder, path);
    }

    /// <summary>A model of other content around the same operator sets and functions.</summary>
    internal OnnxModel WithGraph(GraphProto graph)
    {
        ModelProto proto = _shell.Clone();
        proto.MetadataProps.Clear();
        proto.Graph = graph;
        return new OnnxModel(proto, Sha256, _folder);
    }

    /// <summary>Another model that stems from the same file.</summary>
    internal OnnxModel With(ModelProto proto) => new(proto, Sha256, _folder);

    internal ModelProto ToProto()
    {
        ModelProto proto = _shell.Clone();
        proto.Graph = GraphWriter.ToProto(Graph);
        return proto;
    }

    private static ImmutableSortedDictionary<string, long> ReadOpsets(ModelProto proto)
    {
        var versions = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (OperatorSetIdProto import in proto.OpsetImport)
        {
            if (!versions.TryAdd(FunctionCalls.Domain(import.Domain), import.Version) && versions[FunctionCalls.Domain(import.Domain)] != import.Version)
                throw new OnnxModelException($"The operator set of the domain '{import.Domain}' is imported in two versions. Export the model again.");
        }
        return versions.ToImmutable();
    }
}

/// <summary>A function that a model brings with it and calls like an operator.</summary>
/// <param name="Domain">Its domain.</param>
/// <param name="Name">Its name, the operator type of nodes that call it.</param>
/// <param name="OpTypes">Operator types of the nodes in its body, in order.</param>
public sealed record LocalFunction(string Domain, string Name, ImmutableArray<string> OpTypes);
